/** Numbers in the place of names: who has one, on which lane, and until when. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createCodec } from '@epicserver/wire'
import {
  Acquaintances,
  INTRODUCTION,
  Introductions,
  NO_NUMBER,
  PLACES,
} from '#src/cluster/introductions.ts'
import { describeClass } from '#src/model/class-description.ts'
import { Entity } from '#src/model/entity.ts'
import { RefTable, type RefObject } from '#src/model/ref.ts'

class Thing extends Entity {}

/** Both ends of a channel, as far as introductions concern them. */
function channel() {
  const codec = createCodec()
  const refs = new RefTable({ invoke: () => undefined })
  refs.add(describeClass('Thing', Thing))
  const introductions = new Introductions()
  const acquaintances = new Acquaintances(refs)
  const writer = codec.createWriter()
  const reader = codec.createReader()
  return {
    writer,
    introductions,
    ref: (id: string): RefObject => refs.get('Thing', id)!,
    /** The other side reads what was introduced so far. */
    arrive: (): number => {
      let count = 0
      for (reader.reset(writer.take()); reader.at < reader.end && !reader.failed; count += 1) {
        assert.equal(reader.u8(), INTRODUCTION)
        acquaintances.readIntroduction(reader)
      }
      writer.reset()
      return count
    },
    /** What a call to this number would find. */
    called: (number: number): string | undefined => {
      writer.varuint(number)
      reader.reset(writer.take())
      writer.reset()
      const { id } = acquaintances.readNumber(reader)
      return reader.failed ? undefined : id
    },
  }
}

describe('introductions', () => {
  it('an entity is introduced once on a lane, and found by its number from then on', () => {
    const { ref, introductions, writer, arrive, called } = channel()
    const bob = introductions.numberOf(ref('bob'), 'normal', writer)
    const eve = introductions.numberOf(ref('eve'), 'normal', writer)
    assert.equal(introductions.numberOf(ref('bob'), 'normal', writer), bob)
    assert.equal(arrive(), 2)
    assert.deepEqual([called(bob), called(eve)], ['bob', 'eve'])
  })

  it('each lane has a number of its own, since lanes overtake each other', () => {
    const { ref, introductions, writer, arrive, called } = channel()
    const high = introductions.numberOf(ref('bob'), 'high', writer)
    const low = introductions.numberOf(ref('bob'), 'low', writer)
    assert.notEqual(high, low)
    assert.equal(introductions.numberOf(ref('bob'), 'high', writer), high)
    assert.equal(arrive(), 2)
    assert.deepEqual([called(high), called(low)], ['bob', 'bob'])
  })

  it('few are introduced in one batch; the others are called by name', () => {
    const { ref, introductions, writer } = channel()
    const numbers = Array.from({ length: 20 }, (_, i) =>
      introductions.numberOf(ref(`e${i}`), 'normal', writer),
    )
    assert.deepEqual(
      numbers.map((number) => number === NO_NUMBER),
      Array.from({ length: 20 }, (_, i) => i >= 16),
    )
    introductions.handleBatchEnd()
    assert.notEqual(introductions.numberOf(ref('e19'), 'normal', writer), NO_NUMBER)
  })

  it('when all places are taken the oldest holder loses its own, and is introduced anew', () => {
    const { ref, introductions, writer, arrive, called } = channel()
    const first = introductions.numberOf(ref('e0'), 'normal', writer)
    for (let i = 1; i <= PLACES; i += 1) {
      introductions.handleBatchEnd()
      introductions.numberOf(ref(`e${i}`), 'normal', writer)
    }
    arrive()
    assert.equal(called(first), `e${PLACES}`)
    assert.notEqual(introductions.numberOf(ref('e0'), 'normal', writer), first)
    assert.equal(arrive(), 1)
  })

  it('what a batch introduced that was thrown away is introduced anew, on its lane only', () => {
    const { ref, introductions, writer, arrive, called } = channel()
    introductions.numberOf(ref('bob'), 'high', writer)
    arrive()
    introductions.numberOf(ref('bob'), 'normal', writer)
    writer.reset()
    introductions.handleDropped('normal')
    const number = introductions.numberOf(ref('bob'), 'normal', writer)
    introductions.numberOf(ref('bob'), 'high', writer)
    assert.equal(arrive(), 1)
    assert.equal(called(number), 'bob')
  })

  it('a number that nobody has is no call, and one beyond all places no introduction', () => {
    const { writer, arrive, called } = channel()
    assert.equal(called(5), undefined)
    writer.u8(INTRODUCTION)
    writer.varuint(PLACES * 4)
    writer.string('Thing')
    writer.string('bob')
    arrive()
    assert.equal(called(PLACES * 4), undefined)
  })
})
