/** Entities that move from node to node while they run. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EpicError, partitionOf } from '@epicserver/contracts'
import type { MoveOutcome, Ref } from '@epicserver/runtime'
import { gatedStore } from './gated-store.ts'
import {
  type Counter,
  entities,
  type App,
  moved,
  livesAt,
  stateAt,
  rigOfTwo,
} from './moving-rig.ts'
import { pairRig, type Member } from './pair-rig.ts'

describe('moving: one entity', () => {
  it('goes from its home to another node with its state, and is called there from everywhere', async () => {
    const { rig, first, second } = await rigOfTwo()
    const id = rig.idAt(first, 'Counter')
    await first.pool.Counter[id]!.add(2)
    const outcome = await moved(rig, first, `Counter/${id}`, second)
    assert.equal(outcome.status, 'moved')
    assert.ok(livesAt(second, `Counter/${id}`) && !livesAt(first, `Counter/${id}`))
    assert.equal(await first.pool.Counter[id]!.add(1), 3)
    assert.equal(await second.pool.Counter[id]!.add(1), 4)
    assert.equal(first.node.kernel.counts.activations, 0)
    rig.close()
  })

  it('is moved by whoever asks, home again too', async () => {
    const { rig, first, second } = await rigOfTwo()
    const id = rig.idAt(first, 'Counter')
    await first.pool.Counter[id]!.add(2)
    await moved(rig, second, `Counter/${id}`, second)
    assert.ok(livesAt(second, `Counter/${id}`))
    await moved(rig, second, `Counter/${id}`, first)
    assert.ok(livesAt(first, `Counter/${id}`))
    assert.equal(await second.pool.Counter[id]!.add(1), 3)
    assert.equal(first.cluster.member.residents.awayCount, 0)
    assert.equal(second.cluster.member.residents.hasGuests, false)
    rig.close()
  })

  it('does not leave before what it has sent: in its new place it would overtake that', async () => {
    const rig = await pairRig(entities, 3)
    const [first, second, third] = rig.members
    assert.ok(first && second && third)
    const [id, lost] = [rig.idAt(first, 'Counter'), rig.idAt(third, 'Counter')]
    const there = first.node.refTo('Counter', lost) as unknown as Ref<Counter>
    await first.pool.Counter[id]!.add(1)
    third.cluster.kill()
    await rig.until(() => first.node.ports.router.linkTo!(third.node.nodeId) === undefined, 'cut')
    await first.pool.Counter[id]!.sendBoth(there, 1)
    let outcome: MoveOutcome | undefined
    void first.cluster
      .move({ type: 'Counter', id }, second.node.nodeId)
      .then((result) => (outcome = result))
    // Less than a lease, so that nobody owns the one that is called; and a hundred times what a move takes.
    await rig.clock.advance(500)
    assert.equal(outcome, undefined)
    await rig.until(() => outcome !== undefined, 'it moves, or stays')
    await second.pool.Counter[id]!.sendBoth(there, 3)
    const seen = await first.pool.Counter[lost]!.seen()
    assert.deepEqual(seen.notes, [1, 2, 3, 4])
    rig.close()
  })

  it('does not leave before another node has let in what it has sent', async () => {
    const rig = await pairRig(entities, 4)
    const [first, second, third, fourth] = rig.members
    assert.ok(first && second && third && fourth)
    const [id, called] = [rig.idAt(first, 'Counter'), rig.idAt(third, 'Counter')]
    const there = first.node.refTo('Counter', called) as unknown as Ref<Counter>
    await first.pool.Counter[called]!.add(1)
    await moved(rig, third, `Counter/${called}`, second)
    await first.pool.Counter[id]!.addThere(there, 1)
    // Whoever is sent to it at its last place has to ask its owner, which is no more.
    third.cluster.kill()
    const guest = second.node.kernel.types.get('Counter')!.activations.get(called)!
    second.node.kernel.retire(guest, 'idle')
    second.node.scheduleDrain()
    await rig.until(() => guest.state === 'gone', 'it is put away')
    await first.pool.Counter[id]!.sendBoth(there, 1)
    await rig.clock.advance(50)
    let outcome: MoveOutcome | undefined
    void first.cluster
      .move({ type: 'Counter', id }, fourth.node.nodeId)
      .then((result) => (outcome = result))
    await rig.clock.advance(500)
    assert.equal(outcome, undefined)
    assert.equal(await first.pool.Counter[id]!.add(1), 1)
    await rig.until(() => outcome !== undefined, 'it moves, or stays')
    await fourth.pool.Counter[id]!.sendBoth(there, 3)
    const seen = await fourth.pool.Counter[called]!.seen()
    assert.deepEqual(seen.notes, [1, 2, 3, 4])
    rig.close()
  })

  it('is not reached by what was sent behind calls that went back, before those', async () => {
    const { rig, first, second } = await rigOfTwo()
    const [sender, called] = [rig.idAt(second, 'Counter'), rig.idAt(first, 'Counter')]
    const there = second.node.refTo('Counter', called) as unknown as Ref<Counter>
    await first.pool.Counter[called]!.add(1)
    await moved(rig, first, `Counter/${called}`, second)
    const [home, host] = [first.node.nodeId, second.node.nodeId]
    // Its home does not hear yet that it has ended there, and sends calls back; they are long on their way.
    const releaseWords = rig.network.holdUp(host, home, 'control')
    const releaseReturns = rig.network.holdUp(home, host, 'normal')
    const guest = second.node.kernel.types.get('Counter')!.activations.get(called)!
    second.node.kernel.retire(guest, 'idle')
    second.node.scheduleDrain()
    await rig.until(() => guest.state === 'gone', 'it is put away')
    await second.pool.Counter[sender]!.sendBoth(there, 1)
    await rig.clock.advance(20)
    releaseWords()
    await rig.clock.advance(20)
    await second.pool.Counter[sender]!.sendBoth(there, 3)
    await rig.clock.advance(20)
    releaseReturns()
    await rig.clock.advance(200)
    assert.deepEqual((await first.pool.Counter[called]!.seen()).notes, [1, 2, 3, 4])
    rig.close()
  })

  it('is reached first by what waited for its way, also when the way is heard of meanwhile', async () => {
    const rig = await pairRig(entities, 3)
    const [first, second, third] = rig.members
    assert.ok(first && second && third)
    const [sender, called] = [rig.idAt(first, 'Counter'), rig.idAt(third, 'Counter')]
    const there = first.node.refTo('Counter', called) as unknown as Ref<Counter>
    await third.pool.Counter[called]!.add(1)
    await moved(rig, third, `Counter/${called}`, second)
    const guest = second.node.kernel.types.get('Counter')!.activations.get(called)!
    third.cluster.kill()
    await rig.until(() => first.node.ports.router.linkTo!(third.node.nodeId) === undefined, 'cut')
    await first.pool.Counter[sender]!.sendBoth(there, 1)
    // As by an answer to somebody else's call.
    first.cluster.member.residents.learn(`Counter/${called}`, second.node.nodeId, guest.epoch)
    await first.pool.Counter[sender]!.sendBoth(there, 3)
    await rig.clock.advance(5_000)
    assert.deepEqual((await second.pool.Counter[called]!.seen()).notes, [1, 2, 3, 4])
    rig.close()
  })

  it('that is in memory nowhere begins where it was moved to', async () => {
    const { rig, first, second } = await rigOfTwo()
    const id = rig.idAt(first, 'Counter')
    const outcome = await moved(rig, first, `Counter/${id}`, second)
    assert.equal(outcome.status, 'moved')
    assert.equal(await first.pool.Counter[id]!.add(1), 1)
    assert.ok(livesAt(second, `Counter/${id}`))
    rig.close()
  })

  it('in memory only brings its state, and its own code hears of it', async () => {
    const { rig, first, second } = await rigOfTwo()
    const id = rig.idAt(first, 'Ghost')
    await first.pool.Ghost[id]!.add(5)
    await moved(rig, first, `Ghost/${id}`, second)
    assert.equal(await first.pool.Ghost[id]!.add(1), 6)
    assert.deepEqual(await first.pool.Ghost[id]!.lived(), ['onActivate', 'onMoveOut', 'onMoveIn'])
    rig.close()
  })

  it('brings its timers, each with the time and the times that were left', async () => {
    const { rig, first, second } = await rigOfTwo()
    const id = rig.idAt(first, 'Counter')
    await first.pool.Counter[id]!.tickEvery(1_000, 3)
    await rig.clock.advance(1_500)
    await moved(rig, first, `Counter/${id}`, second)
    await rig.clock.advance(300)
    assert.equal((await second.pool.Counter[id]!.seen()).count, 1)
    await rig.clock.advance(5_000)
    assert.equal((await second.pool.Counter[id]!.seen()).count, 3)
    rig.close()
  })

  it('is woken by its task where it lives, once', async () => {
    const { rig, first, second } = await rigOfTwo()
    for (const { node } of rig.members) node.tasks.start()
    const id = rig.idAt(first, 'Counter')
    await first.pool.Counter[id]!.remindMe(rig.clock.wallMs() + 3_000)
    await moved(rig, first, `Counter/${id}`, second)
    await rig.clock.advance(6_000)
    assert.equal((await first.pool.Counter[id]!.seen()).count, 1)
    assert.ok(livesAt(second, `Counter/${id}`))
    rig.close()
  })

  it('waits for its running turns; what comes meanwhile runs where it went, in order', async () => {
    const { rig, first, second } = await rigOfTwo()
    const id = rig.idAt(first, 'Counter')
    const counter = first.pool.Counter[id]!
    const there = second.pool.Counter[id]!
    const running = counter.addAfter(1, 400)
    await rig.clock.advance(20)
    const move = moved(rig, first, `Counter/${id}`, second)
    await rig.until(() => stateAt(first, `Counter/${id}`) === 'draining', 'it takes no more calls')
    const later = [counter.add(10), there.add(100), counter.add(1_000)]
    counter.note(1)
    there.note(2)
    assert.equal((await move).status, 'moved')
    assert.equal(await running, 1)
    const results = await Promise.all(later)
    assert.equal(Math.max(...results), 1_111)
    assert.ok((results[2] as number) > (results[0] as number))
    const { notes } = await counter.seen()
    assert.deepEqual(new Set(notes), new Set([1, 2]))
    rig.close()
  })

  it('takes calls as long as a write is under way, and moves when that has ended', async () => {
    const gated = gatedStore()
    const rig = await pairRig(entities, 2, (index) => (index === 0 ? { wrap: gated.wrap } : {}))
    const [first, second] = rig.members
    assert.ok(first && second)
    const id = rig.idAt(first, 'Counter')
    const added = first.pool.Counter[id]!.add(1)
    await rig.until(() => gated.waiting === 1, 'its state is being written')
    const move = moved(rig, first, `Counter/${id}`, second)
    await rig.clock.advance(50)
    assert.equal(stateAt(first, `Counter/${id}`), 'active')
    await gated.open()
    assert.equal(await added, 1)
    assert.equal((await move).status, 'moved')
    rig.close()
  })

  it('needs nothing of the store to arrive; its first write is under the new epoch', async () => {
    const gated = gatedStore(true, ['claim'])
    const rig = await pairRig(entities, 2, (index) => (index === 1 ? { wrap: gated.wrap } : {}))
    const [first, second] = rig.members
    assert.ok(first && second)
    const id = rig.idAt(first, 'Counter')
    await first.pool.Counter[id]!.add(1)
    const entity = { type: 'Counter', id }
    const before = await first.node.ports.store.read(entity)
    assert.equal((await moved(rig, first, `Counter/${id}`, second)).status, 'moved')
    assert.equal(await first.pool.Counter[id]!.add(1), 2)
    const after = await first.node.ports.store.read(entity)
    assert.ok(before && after && after.epoch > before.epoch)
    await assert.rejects(first.node.ports.store.claim(entity, before.epoch), { code: 'Fenced' })
    rig.close()
  })

  it('without a quiet moment for two seconds stays, and says so', async () => {
    const { rig, first, second } = await rigOfTwo()
    const id = rig.idAt(first, 'Counter')
    const busy = first.pool.Counter[id]!.addAfter(1, 5_000)
    await rig.clock.advance(20)
    const outcome = await moved(rig, first, `Counter/${id}`, second)
    assert.deepEqual(outcome, { status: 'stayed', node: first.node.nodeId, why: 'tooLate' })
    const after = second.pool.Counter[id]!.add(1)
    await rig.until(() => livesAt(first, `Counter/${id}`), 'it goes on')
    assert.equal(await after, 1)
    await rig.clock.advance(5_000)
    assert.equal(await busy, 2)
    rig.close()
  })

  it('that says goodbye for longer than the move may take ends that before it goes on', async () => {
    const { rig, first, second } = await rigOfTwo()
    const id = rig.idAt(first, 'Leaver')
    await first.pool.Leaver[id]!.poke()
    const outcome = await moved(rig, first, `Leaver/${id}`, second)
    assert.deepEqual(outcome, { status: 'stayed', node: first.node.nodeId, why: 'tooLate' })
    let seen: string[] | undefined
    void first.pool.Leaver[id]!.poke().then((hooks) => (seen = hooks))
    await rig.until(() => seen !== undefined, 'it answers')
    assert.deepEqual(seen, ['begins to leave', 'has left', 'is back'])
    rig.close()
  })

  it('takes along calls that waited at its new node for a word of its owner', async () => {
    const rig = await pairRig(entities, 3)
    const [first, second, third] = rig.members
    assert.ok(first && second && third)
    const id = rig.idAt(first, 'Counter')
    const key = `Counter/${id}`
    await first.pool.Counter[id]!.add(1)
    // As one who was told so long ago that the second node has forgotten it.
    third.cluster.member.residents.learn(key, second.node.nodeId, 1n)
    rig.network.filter = ({ from, to, lane }) =>
      from !== first.node.nodeId || to !== second.node.nodeId || lane !== 'control'
    let result: number | undefined
    void third.pool.Counter[id]!.add(10).then((sum) => (result = sum))
    await rig.until(() => second.cluster.counts.heldCalls === 1, 'a call waits for a word')
    const move = moved(rig, first, key, second)
    await rig.until(() => second.cluster.counts.heldCalls === 0, 'the call waits for its entity')
    rig.network.filter = () => true
    assert.equal((await move).status, 'moved')
    await rig.until(() => result !== undefined, 'it is answered')
    assert.equal(result, 11)
    rig.close()
  })

  it('takes up a call that was sent back to its new node before that one heard that it has it', async () => {
    const rig = await pairRig(entities, 3)
    const [first, second, third] = rig.members
    assert.ok(first && second && third)
    const id = rig.idAt(third, 'Counter')
    const key = `Counter/${id}`
    await third.pool.Counter[id]!.add(1)
    await moved(rig, third, key, first)
    const busy = first.pool.Counter[id]!.addAfter(10, 400)
    await rig.clock.advance(20)
    let result: number | undefined
    const move = moved(rig, first, key, second)
    await rig.until(() => stateAt(first, key) === 'draining', 'it takes no more calls')
    void second.pool.Counter[id]!.add(100).then((sum) => (result = sum))
    rig.network.filter = ({ from, to, lane }) =>
      from !== third.node.nodeId || to !== second.node.nodeId || lane !== 'control'
    assert.equal((await move).status, 'moved')
    assert.equal(await busy, 11)
    await rig.clock.advance(100)
    assert.equal(result, undefined)
    rig.network.filter = () => true
    await rig.until(() => result !== undefined, 'the call is answered')
    assert.equal(result, 111)
    rig.close()
  })

  it('whose state cannot be encoded stays, and its calls go on', async () => {
    const { rig, first, second } = await rigOfTwo()
    const id = rig.idAt(first, 'Stuck')
    await first.pool.Stuck[id]!.poke()
    const outcome = await moved(rig, first, `Stuck/${id}`, second)
    assert.deepEqual(outcome, { status: 'stayed', node: first.node.nodeId, why: 'refused' })
    assert.equal(await second.pool.Stuck[id]!.poke(), 'here')
    assert.ok(first.log.some(({ message }) => message === 'an entity cannot be moved'))
    rig.close()
  })

  it('is not moved to a node that is none', async () => {
    const { rig, first } = await rigOfTwo()
    await assert.rejects(first.cluster.move({ type: 'Counter', id: 'a' }, 'nowhere'), {
      code: 'Unavailable',
      retry: 'safe',
    })
    await assert.rejects(first.cluster.move({ type: 'Nothing', id: 'a' }, first.node.nodeId), {
      code: 'UnknownType',
    })
    rig.close()
  })

  it('remembers the idempotent calls that it has had', async () => {
    const { rig, first, second } = await rigOfTwo()
    const id = rig.idAt(first, 'Counter')
    const operation = first.node.description('Counter').operations.get('addOnce')
    assert.ok(operation)
    const again = (): Promise<unknown> =>
      first.node.invokeNumbered(first.node.refTo('Counter', id), operation, [1], {
        caller: 'outside',
        seq: 1,
        settledBelow: 1,
      })
    assert.equal(await again(), 1)
    await moved(rig, first, `Counter/${id}`, second)
    assert.equal(await again(), 1)
    assert.equal((await second.pool.Counter[id]!.seen()).count, 1)
    rig.close()
  })
})

describe('moving: many times', () => {
  it('under load from both nodes no call is lost, doubled or out of order', async () => {
    const { rig, first, second } = await rigOfTwo()
    const id = rig.idAt(first, 'Counter')
    let isOver = false
    const caller = async (member: Member<App>): Promise<number> => {
      let calls = 0
      let last = 0
      while (!isOver) {
        const result = await member.pool.Counter[id]!.add(1)
        assert.ok(result > last)
        last = result
        calls += 1
        // Time stands still, so a caller that finds its entity beside it would never make way.
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
      return calls
    }
    const callers = [caller(first), caller(second), caller(second)]
    for (let i = 0; i < 40; i += 1) {
      const outcome = await moved(rig, first, `Counter/${id}`, i % 2 === 0 ? second : first)
      assert.equal(outcome.status, 'moved')
    }
    isOver = true
    const made = (await Promise.all(callers)).reduce((sum, calls) => sum + calls, 0)
    assert.equal((await first.pool.Counter[id]!.seen()).count, made)
    rig.close()
  })

  it('calls of one entity to another arrive in the order in which they were made, however it moves', async () => {
    const rig = await pairRig(entities, 3)
    const [first, second, third] = rig.members
    assert.ok(first && second && third)
    const id = rig.idAt(first, 'Counter')
    await first.pool.Counter[id]!.add(0)
    const callers = rig.members.map((member) => rig.idAt(member, 'Counter', 1))
    let isOver = false
    const send = async (caller: string, at: Member<App>): Promise<number> => {
      let n = 0
      for (; !isOver; n += 2) {
        await at.pool.Counter[caller]!.sendBoth(
          at.pool.Counter[id]!,
          10_000_000 * callers.indexOf(caller) + n,
        )
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
      return n
    }
    const sent = callers.map((caller, i) => send(caller, rig.members[i]!))
    for (let i = 0; i < 10; i += 1) {
      const outcome = await moved(rig, third, `Counter/${id}`, rig.members[(i * 2 + 1) % 3]!)
      assert.equal(outcome.status, 'moved')
    }
    isOver = true
    const counts = await Promise.all(sent)
    const total = counts.reduce((sum, count) => sum + count, 0)
    let notes: number[] = []
    for (let i = 0; i < 100 && notes.length < total; i += 1) {
      await rig.clock.advance(10)
      ;({ notes } = await first.pool.Counter[id]!.seen())
    }
    for (const [i, count] of counts.entries()) {
      const own = notes.filter((note) => Math.floor(note / 10_000_000) === i)
      assert.deepEqual(
        own,
        Array.from({ length: count }, (_, n) => 10_000_000 * i + n),
      )
    }
    rig.close()
  })

  it('a guest whose host dies lives on from the store; one whose owner dies goes on where it is', async () => {
    const rig = await pairRig(entities, 3)
    const [first, second, third] = rig.members
    assert.ok(first && second && third)
    const one = rig.idAt(first, 'Counter', 0)
    const two = rig.idAt(second, 'Counter', 0)
    await first.pool.Counter[one]!.add(1)
    await first.pool.Counter[two]!.add(2)
    await moved(rig, third, `Counter/${one}`, second)
    await moved(rig, third, `Counter/${two}`, third)
    second.cluster.kill()
    const answers = [third.pool.Counter[one]!.add(10), first.pool.Counter[two]!.add(10)]
    let results: number[] | undefined
    void Promise.all(answers).then((all) => (results = all))
    await rig.until(() => results !== undefined, 'both answer')
    assert.deepEqual(results, [11, 12])
    assert.ok(livesAt(third, `Counter/${two}`))
    rig.close()
  })
})

describe('moving: where a store has one writer', () => {
  it('that stays after all is known to whoever takes its home over meanwhile', async () => {
    const rig = await pairRig(entities, 0)
    const store = gatedStore(true, ['claim'])
    const first = await rig.join({ wrap: store.wrap })
    const second = await rig.join()
    const id = rig.idAt(first, 'Counter')
    const added = first.pool.Counter[id]!.add(2)
    await rig.until(() => store.waiting === 1, 'it is claimed')
    await store.open()
    await added
    rig.network.filter = ({ from, lane }) => from !== first.node.nodeId || lane !== 'normal'
    const stayed = moved(rig, first, `Counter/${id}`, second)
    await rig.until(() => store.waiting === 1, 'it is claimed again')
    rig.network.filter = () => true
    void first.cluster.drain()
    await rig.until(
      () => second.node.ports.router.isReady(partitionOf('Counter', id)),
      'its home has moved',
    )
    await store.open()
    assert.equal((await stayed).status, 'stayed')
    assert.equal(await second.pool.Counter[id]!.add(1), 3)
    const places = [first, second].filter((each) => livesAt(each, `Counter/${id}`))
    assert.equal(places.length, 1)
    rig.close()
  })

  it('a guest is saved through its home; when that does not know what became of it, it is loaded again', async () => {
    const rig = await pairRig(entities, 1)
    const store = gatedStore(false)
    const second = await rig.join({ wrap: store.wrap })
    const first = rig.members[0]!
    const id = rig.idAt(second, 'Counter')
    await first.pool.Counter[id]!.add(1)
    await moved(rig, first, `Counter/${id}`, first)
    store.fail = new EpicError('Unknown', 'lost the answer')
    await assert.rejects(first.pool.Counter[id]!.add(1), { code: 'Unknown' })
    store.fail = undefined
    assert.equal(await first.pool.Counter[id]!.add(1), 2)
    rig.close()
  })
})
