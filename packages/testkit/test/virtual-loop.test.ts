import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualLoop } from '#src/virtual-loop.ts'
import { VirtualTime } from '#src/virtual-time.ts'

function loop(): { time: VirtualTime; loop: VirtualLoop; log: string[] } {
  const time = new VirtualTime()
  const log: string[] = []
  return { time, log, loop: new VirtualLoop(time, () => undefined) }
}

test('virtual loop: all promises that follow from an event are settled before the next event', async () => {
  const { time, loop: virtual, log } = loop()
  const chain = async (): Promise<void> => {
    for (let i = 0; i < 50; i += 1) await Promise.resolve()
    await new Promise<void>((resolve) => process.nextTick(resolve))
    for (let i = 0; i < 50; i += 1) await Promise.resolve()
    log.push('chain')
  }
  time.at(1, () => void chain())
  time.at(1, () => log.push('next'))
  await virtual.runUntil(1)
  assert.deepEqual(log, ['chain', 'next'])
})

test('virtual loop: what is asked for after turns runs before the next event', async () => {
  const { time, loop: virtual, log } = loop()
  time.at(1, () => {
    virtual.afterTurns(() => log.push('after'))
    log.push('event')
  })
  time.at(1, () => log.push('next'))
  await virtual.runUntil(1)
  assert.deepEqual(log, ['event', 'after', 'next'])
})

test('virtual loop: while nobody waits, time stands still', async () => {
  const { time, loop: virtual } = loop()
  time.at(5, () => undefined)
  await virtual.runUntil(3)
  await new Promise<void>((resolve) => setImmediate(resolve))
  assert.deepEqual([time.now, time.steps], [3, 0])
  await virtual.runUntil(5)
  assert.deepEqual([time.now, time.steps], [5, 1])
})

test('virtual loop: who waits for a promise that nothing can settle is told so', async () => {
  const { time, loop: virtual } = loop()
  time.at(5, () => undefined)
  const never = new Promise<never>(() => undefined)
  await assert.rejects(virtual.runUntilSettled(never), {
    message: 'Nothing will happen any more, and something is still waited for',
  })
  assert.equal(time.now, 5)
})

test('virtual loop: an error of an event ends the loop, and reaches all who wait', async () => {
  const { time, loop: virtual } = loop()
  time.at(1, () => {
    throw new Error('broken')
  })
  const waits = [virtual.runUntil(2), virtual.runUntilSettled(new Promise(() => undefined))]
  for (const wait of waits) await assert.rejects(wait, { message: 'broken' })
  await assert.rejects(virtual.runUntil(3), { message: 'The simulation has ended' })
})
