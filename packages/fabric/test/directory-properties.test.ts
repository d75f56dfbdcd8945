/** What holds of an owner's word on one entity, whatever its members say in whatever order. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Directory } from '#src/directory.ts'
import type { EntityStatement } from '#src/peer-message.ts'
import { Desk } from './desk.ts'
import type { Told } from './desk.ts'

const place = { key: 'P/1', partition: 0 }

/** `epoch` is the place of an epoch among all that were told so far: members repeat what they heard, late or not. */
interface Step {
  readonly kind: 'place' | 'askGrant' | 'released' | 'prepareMove' | 'commitMove' | 'abortMove'
  readonly from: string
  readonly target: string
  readonly epoch: number
  readonly nonce: number
}

const anyNode = fc.constantFrom('o', 'h', 't')
const anyStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(
    ...(['place', 'askGrant', 'released', 'prepareMove', 'commitMove', 'abortMove'] as const),
  ),
  from: anyNode,
  target: anyNode,
  epoch: fc.oneof({ arbitrary: fc.constant(0), weight: 3 }, fc.nat(5)),
  nonce: fc.integer({ min: 1, max: 3 }),
})
const anySteps = fc.array(anyStep, { minLength: 1, maxLength: 40 })

/** The epoch under which this tells a node to run the entity. */
function leaveToRun({ to, statement }: Told): bigint | undefined {
  switch (statement.kind) {
    case 'grant':
      return statement.epoch
    case 'moveCommitted':
      return statement.host === to ? statement.epoch : undefined
    case 'moveAborted':
      return statement.sourceEpoch === 0n ? undefined : statement.epoch
    default:
      return undefined
  }
}

/** The owner `o` hears one step after the other; what it tells of each. */
function play(steps: readonly Step[]): Told[][] {
  const desk = new Desk('o')
  const directory = new Directory(desk)
  const heard: bigint[] = [1n]
  return steps.map((step) => {
    if (step.kind === 'place') directory.place(place, step.target)
    else {
      const statement = statementOf(step, heard.at(-1 - (step.epoch % heard.length)) ?? 1n)
      directory.handleMessage(step.from, { viewNo: 1, term: 1, ...place, ...statement })
    }
    const told = desk.told()
    for (const { statement } of told) if ('epoch' in statement) heard.push(statement.epoch)
    return told
  })
}

function statementOf(step: Step, epoch: bigint): EntityStatement {
  const { kind, target, nonce } = step
  if (kind === 'askGrant') return { kind, nonce }
  if (kind === 'prepareMove') return { kind, epoch, target }
  if (kind === 'commitMove') return { kind, epoch, nonce }
  return { kind: kind === 'released' ? 'released' : 'abortMove', epoch }
}

describe('directory: whatever members say', () => {
  it('no epoch is given to two nodes, and those that are given grow', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const holders = new Map<bigint, string>()
        let highest = 0n
        for (const told of play(steps).flat()) {
          const epoch = leaveToRun(told)
          if (epoch === undefined) continue
          const holder = holders.get(epoch)
          if (holder === undefined) assert.ok(epoch > highest, `${epoch} after ${highest}`)
          else assert.equal(told.to, holder, `${epoch} is given to two`)
          holders.set(epoch, told.to)
          if (epoch > highest) highest = epoch
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('a question that is asked again is answered the same again', () => {
    fc.assert(
      fc.property(anySteps, anyNode, (steps, from) => {
        const ask: Step = { kind: 'askGrant', from, target: from, epoch: 0, nonce: 4 }
        const [first, again] = play([...steps, ask, ask]).slice(-2)
        assert.deepEqual(again, first)
      }),
    )
  })
})
