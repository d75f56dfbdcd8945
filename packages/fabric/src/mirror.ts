/**
 * This node's copy of the cluster's records: the view, the members' records, who is master.
 *
 * One list, then a watch from its revision. A watch that lost its place says `reset`: list again. Now and then it lists anyway, so
 * that a silent watch cannot leave a node behind for long. Lists and watch overlap: what is older than the newest revision seen
 * is dropped, so the copy never goes back. A list of that same revision is taken: should a watch ever have left something out,
 * against its contract, then no member is taken for gone whose record is there.
 *
 * | state | left by | to |
 * | --- | --- | --- |
 * | stopped | `start` | listing |
 * | listing | listed / failed | watching / waiting |
 * | waiting | a pause | listing |
 * | watching | `refresh`, or a while / reset | watching and listing / listing |
 */
import type { Rec, Rev, WatchEvent } from '@epicserver/contracts'
import type { Outbox, StoreReply, Token, WatchReport } from './effects.ts'
import { decodeMemberRecord } from './member-info.ts'
import type { MemberInfo } from './member-info.ts'
import { decodeView } from './view.ts'
import type { DecodedView } from './view.ts'

/** Where a cluster's records lie in its store. */
export interface RecordKeys {
  readonly prefix: string
  readonly view: string
  readonly master: string
  /** Followed by the node id. */
  readonly member: string
}

/** The keys below a prefix; two clusters in one store have two prefixes, of which neither begins with the other. */
export function recordKeys(prefix: string): RecordKeys {
  return { prefix, view: `${prefix}view`, master: `${prefix}master`, member: `${prefix}member/` }
}

/** How often a mirror lists, and tries again. */
export interface MirrorOptions {
  readonly keys: RecordKeys
  readonly retryMs: number
  readonly relistMs: number
}

/** A copy that is behind the store by a message, and never wrong about the past. */
export class Mirror {
  readonly #outbox: Outbox
  readonly #options: MirrorOptions
  #records = new Map<string, Rec>()
  #members = new Map<string, MemberInfo>()
  #view: DecodedView | undefined
  #rev: Rev = -1n
  #changes = 0
  #list: Token | undefined
  #listedToken: Token = -1
  #watch: Token | undefined
  #listAt = Infinity

  constructor(outbox: Outbox, options: MirrorOptions) {
    this.#outbox = outbox
    this.#options = options
  }

  /** The newest revision seen; -1 before the first list. */
  get rev(): Rev {
    return this.#rev
  }

  /** The token of the last list that was answered. */
  get listedToken(): Token {
    return this.#listedToken
  }

  /** Grows when the view or a member's record changes: what follows from those need not be found out again before. */
  get changes(): number {
    return this.#changes
  }

  get wakeAtMs(): number {
    return this.#listAt
  }

  get members(): ReadonlyMap<string, MemberInfo> {
    return this.#members
  }

  get view(): DecodedView | undefined {
    return this.#view
  }

  record(key: string): Rec | undefined {
    return this.#records.get(key)
  }

  /** Starts to follow the store. */
  start(now: number): void {
    this.refresh(now)
  }

  stop(): void {
    this.#unwatch()
    this.#list = undefined
    this.#listAt = Infinity
  }

  /** Lists anew, unless a list is under way; returns the token to wait for in `listedToken`. */
  refresh(_now: number): Token {
    if (this.#list === undefined) {
      this.#list = this.#outbox.nextToken()
      this.#listAt = Infinity
      this.#outbox.push({ kind: 'list', token: this.#list, prefix: this.#options.keys.prefix })
    }
    return this.#list
  }

  handleReply(reply: StoreReply, now: number): boolean {
    if (reply.token !== this.#list) return false
    this.#list = undefined
    if (reply.kind !== 'listed') {
      this.#listAt = now + this.#options.retryMs
      return true
    }
    this.#listedToken = reply.token
    this.#listAt = now + this.#options.relistMs
    if (reply.rev >= this.#rev) this.#replace(reply.recs, reply.rev)
    if (this.#watch === undefined) this.#startWatch()
    return true
  }

  handleWatch(report: WatchReport, now: number): boolean {
    if (report.token !== this.#watch) return false
    if (report.events === 'reset') {
      this.#watch = undefined
      this.refresh(now)
      return true
    }
    const seen = this.#rev
    for (const event of report.events) this.#apply(event, seen)
    return true
  }

  handleTick(now: number): void {
    if (now >= this.#listAt) this.refresh(now)
  }

  #startWatch(): void {
    this.#watch = this.#outbox.nextToken()
    this.#outbox.push({
      kind: 'watch',
      token: this.#watch,
      prefix: this.#options.keys.prefix,
      from: this.#rev,
    })
  }

  #unwatch(): void {
    if (this.#watch !== undefined) this.#outbox.push({ kind: 'unwatch', token: this.#watch })
    this.#watch = undefined
  }

  #replace(recs: readonly Rec[], rev: Rev): void {
    const records = this.#records
    const members = this.#members
    this.#records = new Map()
    this.#members = new Map()
    this.#rev = rev
    for (const rec of recs) {
      if (records.get(rec.key)?.rev === rec.rev) this.#keep(rec, members)
      else this.#put(rec)
    }
    if (recs.length < records.size) this.#changes += 1
    if (!this.#records.has(this.#options.keys.view)) this.#view = undefined
  }

  /** A list brings mostly what is known: that is not decoded again. */
  #keep(rec: Rec, members: ReadonlyMap<string, MemberInfo>): void {
    this.#records.set(rec.key, rec)
    const nodeId = this.#nodeIdOf(rec.key)
    const info = nodeId === undefined ? undefined : members.get(nodeId)
    if (info !== undefined) this.#members.set(info.nodeId, info)
  }

  #apply(event: WatchEvent, seen: Rev): void {
    const rev = event.kind === 'put' ? event.rec.rev : event.rev
    if (rev <= seen) return
    this.#rev = rev
    if (event.kind === 'put') this.#put(event.rec)
    else this.#delete(event.key)
  }

  #put(rec: Rec): void {
    this.#records.set(rec.key, rec)
    this.#changes += 1
    if (rec.key === this.#options.keys.view) this.#view = decodeView(rec.value)
    const nodeId = this.#nodeIdOf(rec.key)
    const info = nodeId === undefined ? undefined : decodeMemberRecord(nodeId, rec.value)
    if (info !== undefined) this.#members.set(info.nodeId, info)
  }

  #delete(key: string): void {
    this.#records.delete(key)
    this.#changes += 1
    if (key === this.#options.keys.view) this.#view = undefined
    const nodeId = this.#nodeIdOf(key)
    if (nodeId !== undefined) this.#members.delete(nodeId)
  }

  /** Whose record a key is; `undefined` for other records. */
  #nodeIdOf(key: string): string | undefined {
    const { member } = this.#options.keys
    return key.startsWith(member) ? key.slice(member.length) : undefined
  }
}
