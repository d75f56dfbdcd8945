/** Entities that move, and two nodes between which they do. */
import assert from 'node:assert/strict'
import { Entity, settings, type MoveOutcome, type Ref } from '@epicserver/runtime'
import { pairRig, type Member, type PairRig } from './pair-rig.ts'

export class Counter extends Entity {
  static override settings = settings<Counter>({
    operations: { addOnce: { idempotent: true }, note: { oneWay: true } },
  })
  count = 0
  notes: number[] = []
  async add(n: number): Promise<number> {
    this.count += n
    return this.count
  }
  async addOnce(n: number): Promise<number> {
    this.count += n
    return this.count
  }
  async addAfter(n: number, ms: number): Promise<number> {
    await this.sleep(ms)
    this.count += n
    return this.count
  }
  async addThere(there: Ref<Counter>, n: number): Promise<number> {
    return await there.add(n)
  }
  note(n: number): void {
    this.notes.push(n)
  }
  async tickEvery(ms: number, times: number): Promise<void> {
    this.timer.set('tick', 'tick', { intervalMs: ms, times })
  }
  async tick(): Promise<void> {
    this.count += 1
  }
  async remindMe(at: number): Promise<void> {
    this.task.set('tick', { operation: 'tick', at })
  }
  async mark(n: number): Promise<void> {
    this.notes.push(n)
  }
  /** Two calls that are not awaited, one of them without an answer. */
  async sendBoth(there: Ref<Counter>, n: number): Promise<void> {
    there.note(n)
    void there.mark(n + 1)
  }
  async seen(): Promise<{ count: number; notes: number[] }> {
    return { count: this.count, notes: this.notes }
  }
}

class Ghost extends Entity {
  static override settings = settings<Ghost>({ persistent: false })
  count = 0
  hooks: string[] = []
  async add(n: number): Promise<number> {
    this.count += n
    return this.count
  }
  async onActivate(): Promise<void> {
    this.hooks.push('onActivate')
  }
  async onMoveOut(): Promise<void> {
    this.hooks.push('onMoveOut')
  }
  async onMoveIn(): Promise<void> {
    this.hooks.push('onMoveIn')
  }
  async lived(): Promise<string[]> {
    return this.hooks
  }
}

class Stuck extends Entity {
  static override settings = settings<Stuck>({ persistent: false })
  held: unknown = () => 1
  async poke(): Promise<string> {
    return 'here'
  }
}

class Leaver extends Entity {
  static override settings = settings<Leaver>({ persistent: false })
  hooks: string[] = []
  async poke(): Promise<string[]> {
    return [...this.hooks]
  }
  async onMoveOut(): Promise<void> {
    this.hooks.push('begins to leave')
    await this.sleep(5_000)
    this.hooks.push('has left')
  }
  async onMoveIn(): Promise<void> {
    this.hooks.push('is back')
  }
}

export const entities = { Counter, Ghost, Stuck, Leaver }
export type App = typeof entities

export async function moved(
  rig: PairRig<App>,
  from: Member<App>,
  name: string,
  to: Member<App>,
): Promise<MoveOutcome> {
  const [type = '', id = ''] = name.split('/')
  let outcome: MoveOutcome | undefined
  void from.cluster.move({ type, id }, to.node.nodeId).then((result) => (outcome = result))
  await rig.until(() => outcome !== undefined, `${name} moves`)
  return outcome as MoveOutcome
}

export function livesAt(member: Member<App>, name: string): boolean {
  return stateAt(member, name) === 'active'
}

export function stateAt(member: Member<App>, name: string): string | undefined {
  const [type = '', id = ''] = name.split('/')
  return member.node.kernel.types.get(type)?.activations.get(id)?.state
}

export async function rigOfTwo(): Promise<{
  rig: PairRig<App>
  first: Member<App>
  second: Member<App>
}> {
  const rig = await pairRig(entities)
  const [first, second] = rig.members
  assert.ok(first && second)
  return { rig, first, second }
}
