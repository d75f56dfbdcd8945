/**
 * A few members and one engine without any distance between them: each test drives them step by step, and owns the clock.
 */
import { ClusterMember } from '@epicserver/fabric'
import type { Effect, MemberConfig, StoreReply } from '@epicserver/fabric'
import { Checker } from './simulation/checker.ts'
import { SimEngine } from './simulation/engine.ts'

/** A member with all that it did. */
export interface Subject {
  readonly member: ClusterMember
  /** Effects other than requests to the store, oldest first. */
  readonly effects: Effect[]
  readonly watches: Map<number, { position: bigint }>
  /** Whether what it lost is acknowledged at once. */
  acknowledges: boolean
  /** Whether its requests reach the engine, and its messages the others. */
  isConnected: boolean
}

/** What the wall clock shows when the lab's own begins. */
export const WALL_MS = 1_000_000

/** The lab: `run` performs effects until nobody has any. */
export class Lab {
  now = 0
  readonly engine: SimEngine
  readonly subjects: Subject[] = []

  constructor() {
    this.engine = new SimEngine({
      rate: 1,
      now: () => this.now,
      viewKey: 'cluster/view',
      checker: new Checker(),
      doLeasesRevive: false,
      onChange: () => {},
    })
  }

  /** A new member that joins at once. */
  join(name: string, config: Partial<MemberConfig> = {}, as?: 'active' | 'joining'): Subject {
    const { options, ...rest } = config
    const member = new ClusterMember({
      address: name,
      boot: 'boot',
      appVersion: '1',
      ttlMs: 6_000,
      random: () => 0.5,
      options: { partitions: 4, movesMax: 4, joinSettleMs: 0, ...options },
      ...rest,
    })
    const subject: Subject = {
      member,
      effects: [],
      watches: new Map(),
      acknowledges: true,
      isConnected: true,
    }
    this.subjects.push(subject)
    member.handleClock({ wallMs: WALL_MS + this.now, boot: rest.boot ?? 'boot' }, this.now)
    member.join(this.now, as)
    this.run()
    return subject
  }

  /** Performs effects and reports changes until nothing is left to do at this instant. */
  run(): void {
    let isBusy = true
    while (isBusy) {
      isBusy = false
      for (const subject of this.subjects) {
        isBusy = this.#perform(subject) || isBusy
        isBusy = this.#report(subject) || isBusy
      }
    }
  }

  /** Lets time pass in steps, with ticks, renewals and all. */
  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end;) {
      this.now = Math.min(end, this.now + 50)
      this.engine.handleTick()
      for (const { member } of this.subjects) member.handleTick(this.now)
      this.run()
    }
  }

  /** The owners of the partitions by the names that the members joined with. */
  owners(of: Subject): string {
    const names = new Map(of.member.view?.members.map(({ nodeId, address }) => [nodeId, address]))
    return (of.member.view?.owner ?? []).map((owner) => names.get(owner ?? '') ?? '-').join('')
  }

  #perform(subject: Subject): boolean {
    let didAnything = false
    for (;;) {
      const effect = subject.member.pollEffect()
      if (effect === undefined) return didAnything
      didAnything = true
      this.#performOne(subject, effect)
    }
  }

  #performOne(subject: Subject, effect: Effect): void {
    switch (effect.kind) {
      case 'watch':
        subject.watches.set(effect.token, { position: effect.from })
        return
      case 'unwatch':
        subject.watches.delete(effect.token)
        return
      case 'grant':
      case 'keepAlive':
      case 'revoke':
      case 'list':
      case 'txn': {
        const lost: StoreReply = { kind: 'failed', token: effect.token, code: 'Unavailable' }
        const reply = subject.isConnected ? this.engine.handle(effect, Infinity) : lost
        subject.member.handleStoreReply(reply, this.now)
        return
      }
      case 'sendPeer': {
        const from = subject.member.nodeId ?? ''
        const to = this.subjects.find(({ member }) => member.nodeId === effect.to)
        if (subject.isConnected && to?.isConnected === true) {
          to.member.handlePeerMessage(from, effect.message, this.now)
        }
        return
      }
      default:
        subject.effects.push(effect)
        if (effect.kind === 'lost' && subject.acknowledges) {
          subject.member.ackLost(effect.viewNo, this.now)
        }
    }
  }

  #report(subject: Subject): boolean {
    let didAnything = false
    for (const [token, watch] of subject.watches) {
      if (!subject.isConnected) continue
      const news = this.engine.since(watch.position)
      if (news.events.length === 0) continue
      watch.position = news.rev
      subject.member.handleWatch({ token, events: news.events }, this.now)
      didAnything = true
    }
    return didAnything
  }
}
