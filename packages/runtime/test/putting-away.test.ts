/** Entities that are put away while others still wait for what they have sent. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entity, settings, type MoveOutcome, type Ref } from '@epicserver/runtime'
import { pairRig } from './pair-rig.ts'

class Listener extends Entity {
  static override settings = settings<Listener>({ operations: { note: { oneWay: true } } })
  notes: number[] = []
  note(n: number): void {
    this.notes.push(n)
  }
  async seen(): Promise<{ notes: number[] }> {
    return { notes: this.notes }
  }
}

/** Is put away when it was idle for a moment. */
class Fleeting extends Entity {
  static override settings = settings<Fleeting>({ idleAfterMs: 50 })
  async noteAll(there: Ref<Listener>[], n: number): Promise<void> {
    for (const each of there) each.note(n)
  }
}

const entities = { Listener, Fleeting }

describe('putting away', () => {
  it('a guest is not put away before what it has sent: at home it would overtake that', async () => {
    const rig = await pairRig(entities, 3)
    const [first, second, third] = rig.members
    assert.ok(first && second && third)
    const id = rig.idAt(second, 'Fleeting')
    const lost = [0, 1, 2, 3, 4, 5].map((n) => rig.idAt(third, 'Listener', n))
    const there = lost.map((each) => first.node.refTo('Listener', each) as unknown as Ref<Listener>)
    await second.pool.Fleeting[id]!.noteAll([], 0)
    let outcome: MoveOutcome | undefined
    void second.cluster
      .move({ type: 'Fleeting', id }, first.node.nodeId)
      .then((result) => (outcome = result))
    await rig.until(() => outcome?.status === 'moved', 'it moves')
    third.cluster.kill()
    await rig.until(() => first.node.ports.router.linkTo!(third.node.nodeId) === undefined, 'cut')
    await first.pool.Fleeting[id]!.noteAll(there, 1)
    // Less than a lease, so that nobody owns those that are called; and long enough to put away whatever is idle.
    await rig.clock.advance(1_500)
    assert.equal(first.node.kernel.types.get('Fleeting')?.activations.has(id), true)
    const later = second.pool.Fleeting[id]!.noteAll(there, 2)
    const seen = Promise.all(there.map(async (each) => (await later, await each.seen()).notes))
    let notes: number[][] | undefined
    void seen.then((all) => (notes = all))
    await rig.until(() => notes !== undefined, 'those that are called live elsewhere')
    assert.deepEqual(
      notes,
      Array.from(there, () => [1, 2]),
    )
    rig.close()
  })
})
