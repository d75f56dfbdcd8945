/**
 * Topics: members join and leave rooms and talk, while everything goes wrong that the seed has drawn.
 *
 * What must hold: nobody hears a message twice, nor one of a room that it never was in; and when all is quiet again, whoever is
 * certainly in a room hears what is said there, and whoever has certainly left it does not. Messages may be lost meanwhile.
 */
import { defineApp, Entity, settings, type App } from 'epicserver'
import {
  converges,
  everyCallAnswered,
  noLeak,
  nothingAcknowledgedLost,
  simulate,
  singleActivation,
  type World,
} from '@epicserver/testkit'
import { replayCommand, type Scenario } from './scenario.ts'

const MEMBERS = 12
const ROOMS = 3
const CLIENTS = 4
const STORM_MS = 20_000
/** How long a message may be on its way when nothing is wrong. */
const DELIVERY_MS = 2_000
const FINAL = 'final'

class Member extends Entity {
  static override settings = settings<Member>({ operations: { hear: { oneWay: true } } })
  /** How often each message was heard. */
  heard = new Map<string, number>()

  async join(room: string): Promise<void> {
    await this.topic(room).subscribe('hear')
  }

  async leave(room: string): Promise<void> {
    await this.topic(room).unsubscribe()
  }

  async say(room: string, message: string): Promise<void> {
    this.topic(room).publish(message)
  }

  hear(message: string, room: string): void {
    const key = `${room}/${message}`
    this.heard.set(key, (this.heard.get(key) ?? 0) + 1)
  }

  async read(): Promise<ReadonlyMap<string, number>> {
    return new Map(this.heard)
  }
}

type Classes = { Member: typeof Member }
type TopicWorld = World<Classes>

const app: App<Classes> = defineApp({ entities: { Member } })

/** Whether a member is in a room, as far as anybody was told. */
type Standing = 'in' | 'out' | 'unknown'

class Notes {
  readonly #standings = new Map<string, Standing>()
  /** Rooms that a member has ever tried to join. */
  readonly #tried = new Set<string>()
  messages = 0

  standing(member: number, room: string): Standing {
    return this.#standings.get(`${member} ${room}`) ?? 'out'
  }

  hasTried(member: number, room: string): boolean {
    return this.#tried.has(`${member} ${room}`)
  }

  set(member: number, room: string, standing: Standing): void {
    const key = `${member} ${room}`
    if (standing !== 'out') this.#tried.add(key)
    this.#standings.set(key, standing)
  }
}

export const topics: Scenario = {
  name: 'topics',
  summary: 'members who join and leave rooms and talk, with everything going wrong',
  run: ({ seed, ...options }) =>
    simulate(
      {
        app,
        nodes: 1 + (seed % 4),
        seed,
        faults: 'drawn',
        replay: replayCommand('topics', seed),
        ...options,
      },
      async (world) => {
        const notes = new Notes()
        const until = world.now + STORM_MS
        const clients = Array.from({ length: CLIENTS }, (_, i) => runClient(world, notes, i, until))
        await Promise.all(clients)
        await world.check(everyCallAnswered, converges)
        await checkRooms(world, notes)
        await world.check(singleActivation, nothingAcknowledgedLost, noLeak)
      },
    ),
}

/** One client does things for its own members only, one after the other, so that it knows where they stand. */
async function runClient(
  world: TopicWorld,
  notes: Notes,
  client: number,
  until: number,
): Promise<void> {
  const below = (count: number): number => Math.floor(world.random() * count)
  while (world.now < until) {
    const member = below(MEMBERS / CLIENTS) * CLIENTS + client
    const room = `room ${below(ROOMS)}`
    const choice = below(5)
    if (choice === 0) await change(world, notes, { member, room, standing: 'in' })
    else if (choice === 1) await change(world, notes, { member, room, standing: 'out' })
    else {
      notes.messages += 1
      const message = String(notes.messages)
      await world.call((pool) => pool.Member[member]!.say(room, message))
    }
    await world.run({ ms: world.random() * 300 })
  }
}

async function change(
  world: TopicWorld,
  notes: Notes,
  { member, room, standing }: { member: number; room: string; standing: 'in' | 'out' },
): Promise<void> {
  const before = notes.standing(member, room)
  // Whoever reads the notes meanwhile must not rely on it.
  notes.set(member, room, 'unknown')
  const { kind } = await world.call((pool) => {
    const one = pool.Member[member]!
    return standing === 'in' ? one.join(room) : one.leave(room)
  })
  const after = kind === 'done' ? standing : kind === 'failed' ? before : 'unknown'
  notes.set(member, room, after)
}

async function checkRooms(world: TopicWorld, notes: Notes): Promise<void> {
  for (let i = 0; i < ROOMS; i += 1) {
    const { kind } = await world.call(async (pool) => pool.topic(`room ${i}`).publish(FINAL))
    if (kind !== 'done') throw new Error(`Nothing can be said in room ${i}`)
  }
  await world.run({ ms: DELIVERY_MS })
  for (let member = 0; member < MEMBERS; member += 1) {
    const outcome = await world.call((pool) => pool.Member[member]!.read())
    if (outcome.kind !== 'done') throw outcome.error
    checkMember(member, outcome.value, notes)
  }
}

function checkMember(member: number, heard: ReadonlyMap<string, number>, notes: Notes): void {
  for (const [message, times] of heard) {
    if (times > 1) throw new Error(`Member ${member} has heard ${message} ${times} times`)
    const [room = ''] = message.split('/')
    if (!notes.hasTried(member, room))
      throw new Error(`Member ${member} has heard ${message}, and never joined`)
  }
  for (let i = 0; i < ROOMS; i += 1) {
    const room = `room ${i}`
    const standing = notes.standing(member, room)
    const hasHeard = heard.has(`${room}/${FINAL}`)
    if (standing === 'in' && !hasHeard)
      throw new Error(`Member ${member} is in ${room}, and hears nothing`)
    if (standing === 'out' && hasHeard)
      throw new Error(`Member ${member} has left ${room}, and still hears`)
  }
}
