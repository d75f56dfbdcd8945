import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import { Writer } from '@epicserver/wire'
import fc from 'fast-check'
import { protocols } from '#src/built-in-protocols.ts'
import { Protocols } from '#src/protocol.ts'
import type { Protocol } from '#src/protocol.ts'
import { jsonProtocol } from '#src/protocols/json.ts'
import { msgpackProtocol } from '#src/protocols/msgpack.ts'
import { rawProtocol } from '#src/protocols/raw.ts'

function encodeAll<M>(protocol: Protocol<M>, messages: readonly M[]): Uint8Array {
  const batch = new Writer(protocol.parts)
  for (const message of messages) protocol.encode(message, batch)
  return batch.take()
}

function decodeAll<M>(protocol: Protocol<M>, batch: Uint8Array): M[] {
  const messages: M[] = []
  assert.equal(protocol.decode(batch, messages), undefined)
  return messages
}

const isCannotCross = (error: unknown): boolean =>
  isEpicError(error) && error.code === 'CannotCross'

describe('protocols', () => {
  it('are registered by name, and forgotten', () => {
    const registry = new Protocols()
    registry.add('mine', jsonProtocol)
    assert.equal(registry.get('mine'), jsonProtocol)
    assert.throws(() => registry.add('mine', jsonProtocol), /registered already/)
    assert.equal(registry.describe(), 'protocols mine')
    assert.equal(registry.remove('mine'), true)
    assert.equal(registry.remove('mine'), false)
    assert.equal(registry.get('mine'), undefined)
    assert.equal(registry.get('toString'), undefined)
  })

  it('include msgpack, json and raw', () => {
    assert.deepEqual(protocols.names(), ['msgpack', 'json', 'raw'])
  })
})

describe('protocol: any batch arrives as it was sent', () => {
  it('json', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (messages) => {
        const arrived = decodeAll(jsonProtocol, encodeAll(jsonProtocol, messages))
        assert.equal(JSON.stringify(arrived), JSON.stringify(messages))
      }),
    )
  })

  it('msgpack', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(fc.jsonValue(), fc.bigInt(), fc.date({ noInvalidDate: true }), fc.uint8Array()),
        ),
        (messages) => {
          assert.deepEqual(
            decodeAll(msgpackProtocol, encodeAll(msgpackProtocol, messages)),
            messages,
          )
        },
      ),
    )
  })

  it('raw', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (messages) => {
        const arrived = decodeAll(rawProtocol, encodeAll(rawProtocol, messages))
        assert.deepEqual(
          arrived.map((message) => Uint8Array.from(message)),
          messages,
        )
      }),
    )
  })
})

describe('protocol: what cannot cross is refused when it is sent', () => {
  it('json: undefined, functions, symbols, BigInts and cycles', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    for (const message of [undefined, () => 1, Symbol('s'), 1n, cycle]) {
      assert.throws(() => encodeAll(jsonProtocol, [message]), isCannotCross)
    }
  })

  it('msgpack: a function, with its path', () => {
    assert.throws(
      () => encodeAll(msgpackProtocol, [{ inventory: [{}, { onUse: () => 1 }] }]),
      (error) => isCannotCross(error) && (error as Error).message.includes('inventory[1].onUse'),
    )
  })

  it('raw: what is no bytes', () => {
    assert.throws(() => encodeAll(rawProtocol as Protocol, ['text']), isCannotCross)
  })
})

describe('protocol: hostile batches', () => {
  const problemOf = (protocol: Protocol<never>, batch: Uint8Array): string | undefined =>
    protocol.decode(batch, [])

  it('json: deeper than 64 or more than 100,000 elements is refused before it is parsed (checklist 41)', () => {
    const deep = Buffer.from(`${'['.repeat(65)}${']'.repeat(65)},`)
    assert.match(problemOf(jsonProtocol as never, deep) ?? '', /nests deeper than 64/)
    const wide = Buffer.from(`[${'1,'.repeat(100_000)}1],`)
    assert.match(problemOf(jsonProtocol as never, wide) ?? '', /over 100000 elements/)
  })

  it('json: brackets within strings are text', () => {
    const message = { text: `${'['.repeat(100)}\\"]` }
    assert.deepEqual(decodeAll(jsonProtocol, encodeAll(jsonProtocol, [message])), [message])
  })

  it('json: __proto__ is a property and chooses no prototype (checklist 13)', () => {
    const [message] = decodeAll(jsonProtocol, Buffer.from('{"__proto__":{"isAdmin":true}},'))
    assert.equal((message as { isAdmin?: boolean }).isAdmin, undefined)
    assert.equal(Object.getPrototypeOf(message), Object.prototype)
  })

  it('json: what is no JSON, no UTF-8 or cut off is a problem', () => {
    for (const text of ['1', '{', '{,', 'x,', '1],[2,', '"a']) {
      assert.notEqual(problemOf(jsonProtocol as never, Buffer.from(text)), undefined, text)
    }
    assert.match(
      problemOf(jsonProtocol as never, Buffer.from([0x22, 0xff, 0x22, 0x2c])) ?? '',
      /UTF-8/,
    )
  })

  it('raw: a size beyond the batch is a problem', () => {
    assert.notEqual(problemOf(rawProtocol as never, Buffer.from([5, 1, 2])), undefined)
    assert.notEqual(
      problemOf(rawProtocol as never, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f])),
      undefined,
    )
  })

  it('any bytes are messages or a problem, and never an exception (checklist 9)', () => {
    const all = [jsonProtocol, msgpackProtocol, rawProtocol] as unknown as Protocol<never>[]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (batch) => {
        for (const protocol of all) {
          const problem = problemOf(protocol, batch)
          assert.ok(problem === undefined || problem.length > 0)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
