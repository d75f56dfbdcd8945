import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostsOf } from '@epicserver/postgres-link'

const rows: readonly [address: string, host: string[], port: number[]][] = [
  ['postgres://u:p@db/d', ['db'], [5432]],
  ['postgres://db:5433/d', ['db'], [5433]],
  ['postgresql://u@127.0.0.1:5433', ['127.0.0.1'], [5433]],
  ['postgres://u:p%40ss@[fd00::4]:5433/d', ['fd00::4'], [5433]],
  ['postgres://[::1]/d?sslmode=require', ['::1'], [5432]],
  ['postgres://u@a:1,[fd00::1],b/d', ['a', 'fd00::1', 'b'], [1, 5432, 5432]],
]

for (const [address, host, port] of rows) {
  test(`hosts of ${address}`, () => {
    assert.deepEqual(hostsOf(address), { host, port })
  })
}

test('hosts of an address with a unix socket, or with no host, are the driver’s to find', () => {
  assert.deepEqual(hostsOf('postgres://u@%2Frun%2Fpostgresql/d'), {})
  assert.deepEqual(hostsOf('postgres:///d?host=/run/postgresql'), {})
})
