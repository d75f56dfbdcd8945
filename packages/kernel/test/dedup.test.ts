import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  CallerWindow,
  DEDUP_CALLERS_MAX,
  DedupWindow,
  type CallNumber,
  type SavedDedup,
} from '@epicserver/kernel'
import fc from 'fast-check'

type Window = DedupWindow<string, string>

function number(caller: string, seq: number, settledBelow = 1): CallNumber {
  return { caller, seq, settledBelow }
}

/** Runs a call from beginning to end. */
function run(window: Window, call: CallNumber, outcome = `did ${call.seq}`): void {
  assert.equal(window.look(call), 'new')
  window.begin(call, 'turn')
  window.end(call.caller, call.seq, outcome)
}

/** What is left after a crash: what was saved, through text and back. */
function restored(window: Window): Window {
  return DedupWindow.restore(JSON.parse(JSON.stringify(window.save())) as SavedDedup<string>)
}

describe('dedup: a call', () => {
  it('is new, then runs, then is done', () => {
    const window: Window = new DedupWindow()
    const call = number('n1', 1)
    assert.equal(window.look(call), 'new')
    assert.equal(window.look(call), 'new')
    window.begin(call, 'the turn')
    assert.deepEqual(window.look(call), { running: 'the turn' })
    window.end('n1', 1, 'yes')
    assert.deepEqual(window.look(call), { done: 'yes' })
    assert.equal(window.look(number('n2', 1)), 'new')
  })

  it('that its caller has settled is too old, whatever became of it', () => {
    const window: Window = new DedupWindow()
    run(window, number('n1', 1))
    assert.equal(window.look(number('n1', 3, 3)), 'new')
    assert.equal(window.look(number('n1', 1)), 'tooOld')
    assert.equal(window.look(number('n1', 2)), 'tooOld')
    assert.equal(window.look(number('stranger', 1, 2)), 'tooOld')
  })

  it('without effect is run again', () => {
    const window: Window = new DedupWindow()
    const call = number('n1', 1)
    window.begin(call, 'turn')
    window.abandon('n1', 1)
    assert.equal(window.look(call), 'new')
  })

  it('whose number is none, or beyond the window, breaks the protocol', () => {
    const window: Window = new DedupWindow()
    for (const seq of [0, -1, 1.5, NaN, Infinity, 2 ** 53, 65]) {
      assert.equal(window.look(number('n1', seq)), 'outOfWindow', `${seq}`)
    }
    for (const settledBelow of [0, NaN, 0.5]) {
      assert.equal(window.look(number('n1', 1, settledBelow)), 'outOfWindow', `${settledBelow}`)
    }
    assert.equal(window.look(number('n1', 64)), 'new')
    assert.equal(window.look(number('n1', 65, 2)), 'new')
    assert.equal(window.size, 0)
  })

  it('begins and ends once; anything else is a mistake of the program', () => {
    const window: Window = new DedupWindow()
    window.begin(number('n1', 1), 'turn')
    assert.throws(() => window.begin(number('n1', 1), 'turn'), {
      message: 'Call 1 of n1 is not new',
    })
    window.end('n1', 1, 'yes')
    assert.throws(() => window.end('n1', 1, 'yes'), { message: 'Call 1 of n1 does not run' })
    assert.throws(() => window.abandon('n2', 1), { message: 'Call 1 of n2 does not run' })
  })

  it('that its caller gave up while it ran leaves no result', () => {
    const window: Window = new DedupWindow()
    window.begin(number('n1', 1), 'turn')
    assert.equal(window.look(number('n1', 2, 2)), 'new')
    window.end('n1', 1, 'too late')
    assert.deepEqual(window.save(), [['n1', 2, [], [], []]])
  })
})

describe('dedup: over a crash or a move', () => {
  it('what was done when it was saved is done', () => {
    const window: Window = new DedupWindow()
    run(window, number('n1', 1))
    run(window, number('n1', 3))
    const after = restored(window)
    assert.deepEqual(after.look(number('n1', 1)), { done: 'did 1' })
    assert.equal(after.look(number('n1', 2)), 'new')
    assert.deepEqual(after.look(number('n1', 3)), { done: 'did 3' })
  })

  it('what ran while it was saved is interrupted, since a part of it may be saved', () => {
    const window: Window = new DedupWindow()
    window.begin(number('n1', 1), 'turn')
    const after = restored(window)
    assert.equal(after.look(number('n1', 1)), 'interrupted')
    assert.equal(restored(after).look(number('n1', 1)), 'interrupted')
    assert.equal(after.look(number('n1', 2, 2)), 'new')
    assert.deepEqual(after.save(), [['n1', 2, [], [], []]])
  })

  it('what is interrupted stays so until its caller has settled that very call', () => {
    const window: Window = new DedupWindow()
    for (const seq of [1, 2]) window.begin(number('n1', seq), 'turn')
    const after = restored(window)
    assert.equal(after.look(number('n1', 2, 2)), 'interrupted')
    assert.equal(after.look(number('n1', 3, 3)), 'new')
    assert.equal(after.look(number('n1', 2, 2)), 'tooOld')
  })

  it('what began after it was saved is run again', () => {
    const window: Window = new DedupWindow()
    run(window, number('n1', 1))
    const saved = window.save()
    window.begin(number('n1', 2), 'turn')
    assert.equal(DedupWindow.restore<string, string>(saved).look(number('n1', 2)), 'new')
  })
})

describe('dedup: its size', () => {
  it('is at most 64 results a caller', () => {
    const window: Window = new DedupWindow()
    for (let seq = 1; seq <= 64; seq += 1) run(window, number('n1', seq))
    assert.equal(window.save()[0]?.[3].length, 64)
    run(window, number('n1', 65, 60))
    assert.deepEqual(window.save()[0]?.[3], [60, 61, 62, 63, 64, 65])
  })

  it('is one result for a caller that waits for each of its calls, however many', () => {
    const window: Window = new DedupWindow()
    for (let seq = 1; seq <= 1000; seq += 1) run(window, number('n1', seq, seq))
    assert.deepEqual(window.save(), [['n1', 1000, [], [1000], ['did 1000']]])
  })

  it('is bounded in callers: the one that was silent longest is forgotten', () => {
    const window: Window = new DedupWindow()
    for (let i = 0; i < DEDUP_CALLERS_MAX; i += 1) run(window, number(`n${i}`, 1))
    assert.deepEqual(window.look(number('n0', 1)), { done: 'did 1' })
    run(window, number('one more', 1))
    assert.equal(window.size, DEDUP_CALLERS_MAX)
    assert.deepEqual(window.look(number('n0', 1)), { done: 'did 1' })
    assert.equal(window.look(number('n1', 1)), 'new')
  })

  it('never costs the memory of a caller whose call runs', () => {
    const window: Window = new DedupWindow()
    for (let i = 0; i <= DEDUP_CALLERS_MAX; i += 1) window.begin(number(`n${i}`, 1), 'turn')
    assert.equal(window.size, DEDUP_CALLERS_MAX + 1)
    window.end('n0', 1, 'yes')
    window.begin(number('one more', 1), 'turn')
    assert.equal(window.size, DEDUP_CALLERS_MAX + 1)
    assert.equal(window.look(number('n0', 1)), 'new')
    assert.deepEqual(window.look(number('n1', 1)), { running: 'turn' })
  })

  it('keeps the order of silence over a crash', () => {
    const window: Window = new DedupWindow()
    for (const caller of ['n1', 'n2', 'n3']) run(window, number(caller, 1))
    window.look(number('n1', 1))
    assert.deepEqual(
      restored(window)
        .save()
        .map(([caller]) => caller),
      ['n2', 'n3', 'n1'],
    )
  })
})

/** A message on a network that loses, repeats and reorders. */
interface Message {
  readonly call: CallNumber
  readonly reply?: string
}

/** Callers and one entity, whose calls have their effect in two halves with an await between. */
class World {
  readonly #windows = new Map<string, CallerWindow>()
  readonly #open = new Map<string, CallNumber>()
  readonly network: Message[] = []
  /** All calls as they were ever sent. */
  readonly #sent: Message[] = []
  readonly made: string[] = []
  /** What callers were told. */
  readonly told = new Map<string, string>()
  /** The entity: what had an effect, in memory and as saved. */
  #effects: string[] = []
  #window: Window = new DedupWindow()
  #saved: { effects: readonly string[]; window: SavedDedup<string> } = { effects: [], window: [] }
  /** Calls whose reply waits for the next save, and calls that run, each with those who wait. */
  #gate: Message[] = []
  readonly #running = new Map<string, CallNumber>()

  startCall(caller: string): void {
    let window = this.#windows.get(caller) ?? new CallerWindow()
    if (window.size === 0) window = new CallerWindow(window.nextSeq + 3)
    this.#windows.set(caller, window)
    if (!window.hasRoom) return
    const call = { caller, seq: window.next(), settledBelow: window.settledBelow }
    this.#open.set(name(call), call)
    this.made.push(name(call))
    this.#send(call)
  }

  get open(): CallNumber[] {
    return [...this.#open.values()]
  }

  repeat(call: CallNumber): void {
    const { settledBelow } = this.#windows.get(call.caller) as CallerWindow
    this.#send({ ...call, settledBelow })
  }

  giveUp(call: CallNumber): void {
    this.#open.delete(name(call))
    this.#windows.get(call.caller)?.settle(call.seq)
  }

  deliver(message: Message): void {
    if (message.reply === undefined) this.#handleCall(message.call)
    else this.#handleReply(message.call, message.reply)
  }

  #handleReply(call: CallNumber, reply: string): void {
    const before = this.told.get(name(call))
    if (before !== undefined) assert.equal(reply, before, 'two outcomes of one call')
    if (!this.#open.has(name(call))) return
    this.told.set(name(call), reply)
    this.giveUp(call)
  }

  #handleCall(call: CallNumber): void {
    const looked = this.#window.look(call)
    if (looked === 'new') {
      this.#window.begin(call, name(call))
      this.#running.set(name(call), call)
      this.#effects.push(`half ${name(call)}`)
    } else if (looked === 'interrupted') {
      this.network.push({ call, reply: 'interrupted' })
    } else if (typeof looked === 'object') {
      if ('done' in looked) this.#gate.push({ call, reply: looked.done })
    } else {
      assert.equal(looked, 'tooOld')
    }
  }

  get running(): CallNumber[] {
    return [...this.#running.values()]
  }

  finish(call: CallNumber): void {
    this.#running.delete(name(call))
    this.#effects.push(`whole ${name(call)}`)
    const outcome = `${this.#effects.length} effects`
    this.#window.end(call.caller, call.seq, outcome)
    this.#gate.push({ call, reply: outcome })
  }

  save(): void {
    this.#saved = { effects: [...this.#effects], window: this.#window.save() }
    this.network.push(...this.#gate)
    this.#gate = []
  }

  crash(): void {
    this.#effects = [...this.#saved.effects]
    this.#window = DedupWindow.restore(this.#saved.window)
    this.#gate = []
    this.#running.clear()
  }

  /** How often each half of a call is in the saved state. */
  effectsOf(call: string): [half: number, whole: number] {
    const count = (effect: string): number =>
      this.#saved.effects.filter((each) => each === effect).length
    return [count(`half ${call}`), count(`whole ${call}`)]
  }

  /**
   * Repeats one call after the other until every caller has its answer; then all that was ever sent
   * arrives once more.
   */
  settle(): void {
    for (let [call] = this.open; call !== undefined; [call] = this.open) {
      this.repeat(call)
      this.#deliverAll()
    }
    this.network.push(...this.#sent)
    this.#deliverAll()
  }

  #deliverAll(): void {
    for (const message of this.network.splice(0)) this.deliver(message)
    for (const call of this.running) this.finish(call)
    this.save()
    for (const message of this.network.splice(0)) this.deliver(message)
  }

  #send(call: CallNumber): void {
    this.network.push({ call })
    this.#sent.push({ call })
  }
}

function name(call: CallNumber): string {
  return `${call.caller}:${call.seq}`
}

function pickFrom<T>(items: readonly T[], pick: number): T | undefined {
  return items[pick % Math.max(1, items.length)]
}

describe('dedup: over loss, repetition, reordering and crashes', () => {
  const weights = {
    call: 2,
    repeat: 1,
    deliver: 3,
    duplicate: 1,
    lose: 1,
    giveUp: 1,
    finish: 2,
    save: 2,
    crash: 2,
  }
  const kinds = Object.entries(weights).flatMap(([kind, weight]) =>
    Array<string>(weight).fill(kind),
  )
  const action = fc.record({ kind: fc.constantFrom(...kinds), pick: fc.nat(1000) })

  function act(world: World, kind: string, pick: number, isAtomic: boolean): void {
    const message = pickFrom(world.network, pick)
    const open = pickFrom(world.open, pick)
    const running = pickFrom(world.running, pick)
    if (kind === 'call') world.startCall(`n${pick % 3}`)
    else if (kind === 'repeat' && open) world.repeat(open)
    else if (kind === 'giveUp' && open && pick % 4 === 0) world.giveUp(open)
    else if (kind === 'duplicate' && message) world.network.push(message)
    else if (kind === 'finish' && running) world.finish(running)
    else if (kind === 'save') world.save()
    else if (kind === 'crash') world.crash()
    else if ((kind === 'deliver' || kind === 'lose') && message) {
      world.network.splice(world.network.indexOf(message), 1)
      if (kind === 'deliver') world.deliver(message)
    }
    if (isAtomic) for (const call of world.running) world.finish(call)
  }

  function play(actions: readonly { kind: string; pick: number }[], isAtomic: boolean): World {
    const world = new World()
    for (const { kind, pick } of actions) act(world, kind, pick, isAtomic)
    world.settle()
    return world
  }

  it('a call that is done in one go has its effect exactly once', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120, size: 'max' }), (actions) => {
        const world = play(actions, true)
        for (const [call, outcome] of world.told) {
          assert.notEqual(outcome, 'interrupted')
          assert.deepEqual(world.effectsOf(call), [1, 1], call)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('one that awaits has it exactly once, or is told to have been interrupted; never twice', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120, size: 'max' }), (actions) => {
        const world = play(actions, false)
        for (const [call, outcome] of world.told) {
          const effects = outcome === 'interrupted' ? [1, 0] : [1, 1]
          assert.deepEqual(world.effectsOf(call), effects, call)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('one that its caller gave up has it at most once', () => {
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 120, size: 'max' }),
        fc.boolean(),
        (actions, isAtomic) => {
          const world = play(actions, isAtomic)
          for (const call of world.made) {
            const [half, whole] = world.effectsOf(call)
            assert.ok(half <= 1 && whole <= half)
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})
