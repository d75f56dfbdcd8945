import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Activation, EntityType, KERNEL_LIMITS } from '@epicserver/kernel'
import { ActivationTable } from '#src/activation-table.ts'
import { classPlan } from './driver.ts'

const limits = { ...KERNEL_LIMITS, activationBytesMax: 1000, overdraft: 1.5 }

function table(): { rooms: ActivationTable; add: (id: string, bytes: number) => Activation } {
  const type = new EntityType(classPlan('Room'))
  const rooms = new ActivationTable(new Map([['Room', type]]), limits)
  const add = (id: string, bytes: number): Activation => {
    const activation = new Activation(type, id, 1n, 0, bytes)
    activation.state = 'active'
    rooms.add(activation)
    return activation
  }
  return { rooms, add }
}

describe('activation table', () => {
  it('counts what is in memory and what it costs', () => {
    const { rooms, add } = table()
    const [a, b] = [add('a', 300), add('b', 500)]
    assert.deepEqual([rooms.size, rooms.bytes, rooms.leavingBytes], [2, 800, 0])
    rooms.measure(a, 400)
    rooms.putToSleep(a)
    rooms.measure(a, 450)
    assert.deepEqual([rooms.size, rooms.bytes, rooms.leavingBytes], [2, 950, 450])
    rooms.remove(a)
    rooms.remove(b)
    assert.deepEqual([rooms.size, rooms.bytes, rooms.leavingBytes], [0, 0, 0])
  })

  it('is full only well above the limit at which entities are put away', () => {
    const { rooms, add } = table()
    const a = add('a', 1500)
    assert.equal(rooms.isFull, false)
    rooms.measure(a, 1501)
    assert.equal(rooms.isFull, true)
    rooms.putToSleep(a)
    assert.equal(rooms.isFull, true)
  })

  it('holds one activation of an entity', () => {
    const { add } = table()
    add('a', 1)
    assert.throws(() => add('a', 1), { message: '"Room/a" is in memory already' })
  })
})
