import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import { advertisedHost, type NetworkInterfaces } from '#src/host/cluster/advertised-host.ts'
import {
  hasPassword,
  openEngine,
  splitPostgresAddress,
  withoutSecrets,
} from '#src/host/cluster/engine-address.ts'
import { formatNodeAddress, parseNodeAddress } from '#src/host/cluster/node-address.ts'
import { machineRoute, neighbourRoute } from '#src/host/cluster/node-routes.ts'
import { silentLog } from '#src/log.ts'

test('node address: comes back as it was written, with and without a socket', () => {
  for (const text of [
    '[fd00::7]:3031/node-0-4711.sock',
    '10.0.0.7:1/n.sock',
    '[fe80::1%eth0]:2/n',
  ]) {
    assert.equal(formatNodeAddress(parseNodeAddress(text)), text)
  }
  assert.deepEqual(parseNodeAddress('[::1]:5'), { host: '::1', port: 5, socket: '' })
  assert.throws(() => parseNodeAddress('/run/epic/node.sock'), { code: 'SettingsInvalid' })
})

test('routes: a neighbour is reached by its socket, others and whoever lies by tcp', async (t) => {
  const runFolder = await mkdtemp(join(tmpdir(), 'epic-routes-'))
  t.after(() => rm(runFolder, { recursive: true }))
  await writeFile(join(runFolder, 'node-1-7.sock'), '')
  const secrets = { clusterId: 'c', clusterKey: 'k'.repeat(32) }
  const near = neighbourRoute({ ...secrets, address: '', runFolder, host: 'fd00::7' })
  assert.equal(near.targetOf('[fd00::7]:3032/node-1-7.sock'), join(runFolder, 'node-1-7.sock'))
  for (const elsewhere of [
    '[fd00::8]:3032/node-1-7.sock',
    '[fd00::7]:3032/node-1-8.sock',
    '[fd00::7]:3032/../node-1-7.sock',
    '[fd00::7]:3032/x/../node-1-7.sock',
    '[fd00::7]:3032',
  ]) {
    assert.equal(near.targetOf(elsewhere), undefined, elsewhere)
  }
  const far = machineRoute({
    ...{ clusterId: 'c', secrets: {}, listenAt: '[::1]:0', log: silentLog },
    isOwn: (target) => target === '[fd00::7]:3031',
  })
  assert.equal(far.targetOf('[fd00::7]:3032/node-1-7.sock'), '[fd00::7]:3032')
  assert.equal(far.targetOf('[fd00::7]:3031/node-0-1.sock'), undefined, 'that one is gone')
})

test('advertised host: the address by which most can reach this machine', () => {
  const interfaces = (addresses: readonly string[]): NetworkInterfaces => ({
    eth0: addresses.map((address) => ({
      address,
      netmask: '',
      mac: '',
      cidr: null,
      internal: false,
      ...(address.includes(':') ? { family: 'IPv6', scopeid: 0 } : { family: 'IPv4' }),
    })),
  })
  const table = [
    [['fe80::1', '10.0.0.7', 'fd00::7', '2001:db8::7'], '2001:db8::7'],
    [['fe80::1', '10.0.0.7', 'fd00::7'], 'fd00::7'],
    [['fe80::1', '10.0.0.7'], '10.0.0.7'],
    [['fe80::1'], 'fe80::1%eth0'],
    [[], undefined],
  ] as const
  for (const [addresses, best] of table)
    assert.equal(advertisedHost('::', interfaces(addresses)), best)
  assert.equal(advertisedHost('0.0.0.0', interfaces(['2001:db8::7', '10.0.0.7'])), '10.0.0.7')
  assert.equal(advertisedHost('fd00::9', interfaces(['2001:db8::7'])), 'fd00::9')
})

test('engine address: what is printed of it has no secrets', () => {
  const table = [
    ['postgres://epic:s3cret@db/epic?sslmode=require', 'postgres://…@db/epic'],
    ['etcd://root:s3cret@h1:2379,h2:2379', 'etcd://…@h1:2379,h2:2379'],
    ['postgres://u:s3cret@a/d postgres://u:s3cret@b/d', 'postgres://…@a/d postgres://…@b/d'],
    ['etcds://h1:2379?key=/etc/key', 'etcds://h1:2379'],
    ['postgres://u:s3c@ret/or?not@db/epic?a=b', 'postgres://…@db/epic'],
    ['ETCD://u:s3cret@h1:2379', 'ETCD://…@h1:2379'],
    ['postgres://db/epic?password=s3cret', 'postgres://db/epic'],
  ] as const
  for (const [address, printed] of table) assert.equal(withoutSecrets(address), printed)
  assert.ok(hasPassword('postgres://epic:s3cret@db/epic'))
  assert.ok(hasPassword('postgres://epic:s3c/r?t@db/epic'))
  assert.ok(hasPassword('postgres://db/epic?sslmode=require&password=s3cret'))
  assert.ok(hasPassword('postgres://a@db/epic postgres://b:s3cret@db/epic'))
  assert.ok(!hasPassword('postgres://epic@db/epic') && !hasPassword('etcd://[::1]:2379'))
})

test('engine address: the authority of a database is named in our words or in those of its tools', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'epic-address-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'ca.pem')
  await writeFile(file, 'PEM')
  for (const name of ['ca', 'sslrootcert']) {
    const address = `postgres://u@h/d?sslmode=verify-full&${name}=${file}`
    assert.deepEqual(await splitPostgresAddress(address), {
      bare: 'postgres://u@h/d?sslmode=verify-full',
      options: { allowPlainText: false, tls: { ca: 'PEM' } },
    })
  }
})

test('engine address: what is wrong with it is said', async () => {
  const table = [
    ['redis://h', /write etcd:\/\/host:2379 or postgres/],
    ['etcd://', /Cannot read the engine's address/],
    ['etcd://user@127.0.0.1:2379', /has a user and no password/],
    ['etcd://127.0.0.1:2379?plain=yes', /Cannot use the parameter "plain".*allowPlainText/],
    ['etcd://10.0.0.1:2379', /it is another machine and not https/],
    [
      'etcds://h?ca=/nowhere/ca.pem',
      /Cannot read the certificate or key in "\/nowhere\/ca.pem": there is no such file/,
    ],
    ['etcds://h?ca=/', /Cannot read the certificate or key in "\/": EISDIR/],
    [
      'postgres://u@h/d?sslmode=verify-full&sslrootcert=/nowhere/ca.pem',
      /Cannot read the certificate or key in "\/nowhere\/ca.pem": there is no such file/,
    ],
    ['postgres://u@10.0.0.1/d', /neither `tls` nor sslmode is set/],
  ] as const
  for (const [address, pattern] of table) {
    await assert.rejects(
      openEngine(address, 'epic'),
      (error) => isEpicError(error) && pattern.test(error.message),
      address,
    )
  }
})
