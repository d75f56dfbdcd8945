import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPipe } from '#src/pipe.ts'
import { SimulatedSpace } from '#src/transports/simulated.ts'
import type { Parcel } from '#src/transports/simulated-end.ts'
import { createRandom } from '../bytes.ts'
import { TestWorld, received } from '../test-network.ts'
import { describeTransport } from './transport-suite.ts'

describeTransport('simulated, at once', () => {
  const space = new SimulatedSpace({ carry: (parcel) => queueMicrotask(() => parcel.arrive()) })
  return {
    connecting: space.transport('a'),
    accepting: space.transport('b'),
    address: 'b',
    nobody: 'c',
    isEncoding: true,
  }
})

describeTransport('simulated, out of order and doubled', () => {
  const random = createRandom(3)
  const carry = (parcel: Parcel): void => {
    for (let copies = 1 + Math.floor(random() * 2); copies > 0; copies -= 1) {
      let steps = Math.floor(random() * 5)
      const step = (): void => void (steps-- > 0 ? setImmediate(step) : parcel.arrive())
      step()
    }
  }
  const space = new SimulatedSpace({ carry })
  return {
    connecting: space.transport('a'),
    accepting: space.transport('b'),
    address: 'b',
    nobody: 'c',
    isEncoding: true,
  }
})

describe('transport simulated', () => {
  it('gives every parcel to the network, with what it weighs', async () => {
    const world = new TestWorld()
    const [ours] = await world.open()
    const kinds = world.network.parcels.map((parcel) => `${parcel.from}${parcel.to} ${parcel.kind}`)
    assert.deepEqual(kinds.toSorted(), ['ab bytes', 'ab connect', 'ba accept', 'ba bytes'])
    ours.send('x'.repeat(100))
    await world.clock.run(5)
    assert.equal(world.network.parcels.at(-1)?.bytes, 5 + 102)
  })

  it('stalls behind a parcel that never arrives', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const messages = received(theirs)
    world.network.cut('a', 'b')
    ours.send('lost for now')
    await world.clock.run(5)
    assert.equal(world.network.parcels.at(-1)?.kind, 'bytes')
    world.network.mend()
    ours.send('next')
    await world.clock.run(5)
    assert.deepEqual(messages, ['lost for now', 'next'])
  })

  it('a machine that is lost says nothing; one that was killed resets', async () => {
    for (const silent of [true, false]) {
      const world = new TestWorld()
      const [ours] = await world.open()
      world.space.crash('b', { silent })
      ours.send('anyone?')
      await world.clock.run(1_000)
      assert.equal(ours.state, silent ? 'open' : 'destroyed')
    }
  })

  it('a host that crashed can listen again, under its name', async () => {
    const world = new TestWorld()
    await world.open()
    world.space.crash('b')
    const again = createPipe({
      transport: world.space.transport('b'),
      clock: world.clock,
      log: world.log,
    })
    await again.listen('b')
    const connecting = world.a.connect('b')
    await world.clock.run(20)
    assert.equal((await connecting).state, 'open')
    assert.equal(again.channels.size, 1)
  })

  it('has no timers of its own', async () => {
    const world = new TestWorld()
    const [ours] = await world.open()
    ours.send(1)
    await world.clock.run(5)
    assert.equal(world.clock.timers, 0)
  })
})
