/** Conformance of cluster stores: single records, lists, revisions, and what is refused. */
import assert from 'node:assert/strict'
import type { ClusterStore, Op } from '@epicserver/contracts'
import { bytesOf, codeOf, textOf } from './ground.ts'
import type { ClusterCases, Ground } from './ground.ts'

/** Names that trip up what joins, quotes, escapes, folds or sorts text by other rules than bytes. */
const HOSTILE_NAMES: readonly string[] = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'then',
  '%',
  '_',
  '\\',
  "'",
  '"',
  '`',
  '$1',
  '{}',
  '[]',
  '*',
  '?',
  '/',
  '//',
  '../..',
  "'; DROP TABLE cluster; --",
  '\u0000',
  'a\u0000b',
  '\n',
  '\r\n',
  '\t',
  ' ',
  'trailing ',
  '\u2028',
  '\u0007',
  'é',
  'e\u0301',
  'É',
  'ß',
  'SS',
  'ı',
  'I',
  '\u200d',
  '\u202e',
  '日本語',
  '😀',
  '\uffff',
  '\u{10ffff}',
  'x'.repeat(900),
]

export const recordCases: ClusterCases = {
  'a key that was never put reads as null': async (ground) => {
    assert.equal(await ground.store.get(ground.key('nothing')), null)
  },

  'a put is read by another client with its bytes and revision': async (ground) => {
    const { ok, rev } = await ground.put('a', 'one')
    const rec = await ground.other.get(ground.key('a'))
    assert.equal(ok, true)
    assert.equal(rec?.key, ground.key('a'))
    assert.equal(textOf(rec?.value), 'one')
    assert.equal(rec?.rev, rev)
    assert.equal(rec?.lease, undefined)
  },

  'the latest of many puts is read': async (ground) => {
    for (let i = 0; i < 20; i += 1) await ground.put('a', `value ${i}`)
    assert.equal(await ground.text('a'), 'value 19')
  },

  'a deleted key reads as null': async (ground) => {
    await ground.put('a', 'one')
    await ground.delete('a')
    assert.equal(await ground.text('a'), null)
  },

  'an empty value is a value': async (ground) => {
    await ground.put('empty', '')
    assert.equal(await ground.text('empty'), '')
  },

  'a value holds every byte': async (ground) => {
    const value = Uint8Array.from({ length: 256 }, (_, i) => i)
    await ground.store.txn({ if: [], then: [{ op: 'put', key: ground.key('bytes'), value }] })
    assert.deepEqual(plain((await ground.other.get(ground.key('bytes')))?.value), [...value])
  },

  'a value of the largest size survives': async (ground) => {
    const value = new Uint8Array(ground.store.limits.valueBytesMax).map((_, i) => i * 7)
    await ground.store.txn({ if: [], then: [{ op: 'put', key: ground.key('large'), value }] })
    const found = await ground.other.get(ground.key('large'))
    assert.equal(Buffer.compare(found?.value ?? new Uint8Array(), value), 0)
  },

  'what a caller does to its bytes afterwards changes nothing': async (ground) => {
    // A Node Buffer, whose `slice` copies nothing.
    const value = Buffer.from('mine')
    const written = ground.store.txn({ if: [], then: [{ op: 'put', key: ground.key('a'), value }] })
    value.fill(0)
    await written
    const read = await ground.store.get(ground.key('a'))
    read?.value.fill(0)
    assert.equal(textOf((await ground.store.get(ground.key('a')))?.value), 'mine')
  },

  'a list is in the order of code points': async (ground) => {
    for (const name of ['b', '\u{1f600}', 'a', '\uffee', 'B', '', 'aa', 'é', '\u0000'])
      await ground.put(name, name)
    assert.deepEqual(await ground.names(), [
      '',
      '\u0000',
      'B',
      'a',
      'aa',
      'b',
      'é',
      '\uffee',
      '\u{1f600}',
    ])
  },

  'a list holds what starts with the prefix, and nothing beside it': async (ground) => {
    for (const name of ['m', 'm/', 'm/a', 'm/b/c', 'm0', 'n/a', 'l']) await ground.put(name, name)
    assert.deepEqual(await ground.names('m/'), ['m/', 'm/a', 'm/b/c'])
  },

  'signs that mean something to engines are literal in a prefix': async (ground) => {
    for (const name of ['%a', '_a', '\\a', '*a', 'xa', '\uffff\uffffa', '\u{10ffff}a'])
      await ground.put(name, '')
    for (const sign of ['%', '_', '\\', '*', '\uffff\uffff', '\u{10ffff}']) {
      assert.deepEqual(await ground.names(sign), [`${sign}a`])
    }
  },

  'the empty prefix lists every key': async (ground) => {
    await ground.put('a', 'one')
    const { recs } = await ground.store.list('')
    assert.ok(recs.some((rec) => rec.key === ground.key('a')))
  },

  'a list of nothing is empty and tells the current revision': async (ground) => {
    const { rev } = await ground.put('a', 'one')
    const empty = await ground.other.list(ground.key('nothing/'))
    assert.deepEqual(empty.recs, [])
    assert.ok(empty.rev >= rev)
  },

  'a list of a thousand records is complete': async (ground) => {
    await putMany(ground, 1_000)
    assert.equal((await ground.names('many/')).length, 1_000)
  },

  'revisions grow with each change': async (ground) => {
    const first = await ground.put('a', 'one')
    const second = await ground.put('b', 'two', { by: ground.other })
    const third = await ground.delete('a')
    assert.ok(first.rev < second.rev && second.rev < third.rev)
    assert.equal((await ground.store.get(ground.key('b')))?.rev, second.rev)
  },

  'names that trip up engines are kept apart, exactly': async (ground) => {
    await Promise.all(HOSTILE_NAMES.map((name) => ground.put(name, `value of ${name}`)))
    const { recs } = await ground.other.list(ground.prefix)
    assert.equal(recs.length, HOSTILE_NAMES.length)
    for (const rec of recs)
      assert.equal(textOf(rec.value), `value of ${rec.key.slice(ground.prefix.length)}`)
    for (const name of HOSTILE_NAMES) assert.equal(await ground.text(name), `value of ${name}`)
  },

  'a key that cannot be kept is refused by every request': async (ground) => {
    for (const key of ['', '\ud83d', `${ground.prefix}\udc00`, 'x'.repeat(1_025)]) {
      for (const request of requestsOf(ground.store, key)) {
        assert.equal(await codeOf(request()), 'InvalidId', JSON.stringify(key.slice(0, 20)))
      }
    }
  },

  'a value above the limit is refused, and nothing of its transaction is done': async (ground) => {
    const value = new Uint8Array(ground.store.limits.valueBytesMax + 1)
    const then: Op[] = [
      { op: 'put', key: ground.key('small'), value: bytesOf('small') },
      { op: 'put', key: ground.key('large'), value },
    ]
    assert.equal(await codeOf(ground.store.txn({ if: [], then })), 'MessageTooLarge')
    assert.deepEqual(await ground.names(), [])
  },

  'a transaction of the most operations is done, of one more refused': async (ground) => {
    const puts = (count: number): Op[] =>
      Array.from({ length: count }, (_, i) => ({
        op: 'put',
        key: ground.key(`k${i}`),
        value: bytesOf('v'),
      }))
    const { txnOpsMax } = ground.store.limits
    assert.equal(
      await codeOf(ground.store.txn({ if: [], then: puts(txnOpsMax + 1) })),
      'MessageTooLarge',
    )
    assert.deepEqual(await ground.names(), [])
    assert.equal((await ground.store.txn({ if: [], then: puts(txnOpsMax) })).ok, true)
    assert.equal((await ground.names()).length, txnOpsMax)
  },

  'a transaction that writes a key twice is refused': async (ground) => {
    const key = ground.key('twice')
    const then: Op[] = [
      { op: 'put', key, value: bytesOf('one') },
      { op: 'delete', key },
    ]
    assert.equal(await codeOf(ground.store.txn({ if: [], then })), 'SettingsInvalid')
    assert.equal(await ground.store.get(key), null)
  },
}

function requestsOf(store: ClusterStore, key: string): (() => Promise<unknown>)[] {
  const txn =
    (then: readonly Op[]): (() => Promise<unknown>) =>
    () =>
      store.txn({ if: [], then })
  return [
    () => store.get(key),
    txn([{ op: 'put', key, value: bytesOf('v') }]),
    txn([{ op: 'delete', key }]),
    txn([{ op: 'get', key }]),
    () => store.txn({ if: [{ key, is: 'missing' }], then: [] }),
  ]
}

async function putMany(ground: Ground, count: number): Promise<void> {
  const step = 100
  for (let start = 0; start < count; start += step) {
    const then = Array.from({ length: step }, (_, i) => ({
      op: 'put' as const,
      key: ground.key(`many/${start + i}`),
      value: bytesOf('v'),
    }))
    await ground.store.txn({ if: [], then })
  }
}

function plain(value: Uint8Array | undefined): number[] {
  return [...(value ?? [])]
}
