import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttp2Server } from 'node:http2'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { findEtcd, startEtcdServers } from '@epicserver/conformance'
import type { EtcdServers } from '@epicserver/conformance'
import { EtcdClusterStore } from '@epicserver/cluster-etcd'
import { EtcdConnection } from '#src/etcd-connection.ts'
import { frameOf } from '#src/message-splitter.ts'
import { encodeMessage } from '#src/protobuf.ts'
import type { Field } from '#src/protobuf.ts'
import { hasOpenssl, makeCertificates } from './certificates.ts'
import type { Certificates } from './certificates.ts'
import { patience } from './patience.ts'

const etcd = await findEtcd()
const prefix = 'access/'

describe(
  'etcd over TLS',
  { skip: etcd.missing ?? (hasOpenssl() ? false : 'openssl is not installed') },
  () => {
    let servers: EtcdServers
    let certificates: Certificates
    before(async () => {
      certificates = makeCertificates(mkdtempSync(join(tmpdir(), 'epic-certificates-')))
      const file = (name: string): string => join(certificates.folder, name)
      servers = await startEtcdServers({
        binary: etcd.binary ?? '',
        count: 1,
        clientScheme: 'https',
        args: [
          ...['--cert-file', file('server.pem'), '--key-file', file('server.key')],
          ...['--trusted-ca-file', file('ca.pem'), '--client-cert-auth'],
        ],
      })
    })
    after(async () => {
      await servers.stop()
      rmSync(certificates.folder, { recursive: true })
    })

    it('works with the certificates of both sides', async () => {
      const { ca, client } = certificates
      const store = new EtcdClusterStore({
        endpoints: servers.endpoints,
        prefix,
        tls: { ca, ...client },
        ...patience,
      })
      assert.equal(
        (await store.txn({ if: [], then: [{ op: 'put', key: 'a', value: new Uint8Array() }] })).ok,
        true,
      )
      assert.notEqual(await store.get('a'), null)
      await store.close()
    })

    it('refuses a server whose certificate nobody vouches for', async () => {
      const store = new EtcdClusterStore({
        endpoints: servers.endpoints,
        prefix,
        tls: certificates.client,
        requestMs: 300,
      })
      await assert.rejects(store.get('a'), { code: 'Unavailable', message: /certificate/ })
      await store.close()
    })

    it('is refused without a certificate of its own', async () => {
      const store = new EtcdClusterStore({
        endpoints: servers.endpoints,
        prefix,
        tls: { ca: certificates.ca },
        requestMs: 300,
      })
      await assert.rejects(store.get('a'), { code: 'Unavailable' })
      await store.close()
    })

    it('says no secret in a refusal', async () => {
      const store = new EtcdClusterStore({
        endpoints: ['http://127.0.0.1:' + servers.clientPort(0)],
        prefix,
        requestMs: 300,
      })
      await assert.rejects(store.get('a'), (error: Error) => !error.message.includes('PRIVATE KEY'))
      await store.close()
    })
  },
)

describe('etcd with users', { skip: etcd.missing ?? false }, () => {
  let servers: EtcdServers
  const root = { user: 'root', password: 'right' }
  before(async () => {
    servers = await startEtcdServers({
      binary: etcd.binary ?? '',
      count: 1,
      args: ['--auth-token-ttl', '2'],
    })
    await enableUsers(servers.endpoints)
  })
  after(() => servers.stop())

  it('lets in who has the password', async () => {
    const store = new EtcdClusterStore({
      endpoints: servers.endpoints,
      prefix,
      auth: root,
      ...patience,
    })
    const lease = await store.grant(2_000)
    await store.txn({
      if: [],
      then: [{ op: 'put', key: 'a', value: new Uint8Array(), lease: lease.id }],
    })
    assert.equal((await store.get('a'))?.lease, lease.id)
    await store.keepAlive(lease.id)
    await store.close()
  })

  it('keeps out who has not, and says so at once', async () => {
    for (const auth of [
      undefined,
      { ...root, password: 'wrong' },
      { user: 'nobody', password: '' },
    ]) {
      const store = new EtcdClusterStore({
        endpoints: servers.endpoints,
        prefix,
        ...(auth === undefined ? {} : { auth }),
        ...patience,
      })
      // (A lease without keys etcd grants to anyone.)
      await assert.rejects(store.get('a'), { code: 'Unauthorized' })
      await store.close()
    }
  })

  it('keeps a user to the keys that he may see', async () => {
    const store = new EtcdClusterStore({
      endpoints: servers.endpoints,
      prefix,
      auth: { user: 'guest', password: 'g' },
      ...patience,
    })
    await assert.rejects(store.get('a'), { code: 'Unauthorized', message: /permission denied/ })
    await store.close()
  })

  it('logs in again when the servers have forgotten its token, and its watch goes on', async () => {
    const store = new EtcdClusterStore({
      endpoints: servers.endpoints,
      prefix,
      auth: root,
      ...patience,
    })
    const { rev } = await store.list('')
    const heard = new Promise<string>((resolve) => {
      store.watch('late', rev, (events) => {
        if (events !== 'reset' && events[0]?.kind === 'put') resolve(events[0].rec.key)
      })
    })
    // Simple tokens live in the memory of a server.
    await servers.kill(0)
    await servers.start(0)
    await store.txn({ if: [], then: [{ op: 'put', key: 'late', value: new Uint8Array() }] })
    assert.equal(await heard, 'late')
    await store.close()
  })
})

describe('what is no etcd', () => {
  const strangers: readonly [claim: string, make: () => Server][] = [
    [
      'one that hangs up',
      () => createServer((socket) => socket.on('error', () => undefined).destroy()),
    ],
    [
      'one that says nothing',
      () => createServer((socket) => void socket.on('error', () => undefined).resume()),
    ],
    [
      'a web server of old',
      () =>
        createServer((socket) =>
          socket.on('error', () => undefined).end('HTTP/1.1 200 OK\r\n\r\nhello'),
        ),
    ],
    [
      'random bytes',
      () =>
        createServer((socket) =>
          socket.on('error', () => undefined).end(Buffer.alloc(4_000, 0xa5)),
        ),
    ],
    [
      'a web server of HTTP/2',
      () => createHttp2Server((_, reply) => reply.writeHead(404).end('no')),
    ],
    [
      'gRPC without the service',
      () =>
        createHttp2Server((_, reply) =>
          reply.writeHead(200, { 'grpc-status': '12', 'grpc-message': 'unknown%20service' }).end(),
        ),
    ],
    [
      'gRPC with a length of 4 GB',
      () => createHttp2Server((_, reply) => reply.writeHead(200).end(Buffer.alloc(5, 0xff))),
    ],
    ['gRPC with an answer that cannot be', () => grpcAnswering(Uint8Array.of(0x12, 0x7f))],
    [
      'gRPC with an answer that never ends',
      () =>
        createHttp2Server(
          (_, reply) => void reply.writeHead(200).write(frameOf(new Uint8Array(2))),
        ),
    ],
  ]
  for (const [claim, make] of strangers) {
    it(`${claim} is a clear error, and no crash`, async () => {
      const server = make()
      const port = await listening(server)
      const store = new EtcdClusterStore({
        endpoints: [`http://127.0.0.1:${port}`],
        prefix,
        requestMs: 300,
      })
      const watch = store.watch('', 0n, () => assert.fail('a stranger was believed'))
      await assert.rejects(store.get('a'), {
        name: 'EpicError',
        code: /^(Unavailable|Incompatible|ProtocolBroken)$/,
      })
      await assert.rejects(store.grant(2_000), {
        name: 'EpicError',
        code: /^(Unavailable|Unknown|Incompatible|ProtocolBroken)$/,
      })
      watch.close()
      await store.close()
      server.close()
    })
  }
})

function grpcAnswering(message: Uint8Array): Server {
  return createHttp2Server((_, reply) => {
    reply.writeHead(200, { 'content-type': 'application/grpc' })
    reply.addTrailers({ 'grpc-status': '0' })
    reply.end(frameOf(message))
  })
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

/** Users `root` and `guest`, as etcd's own tool would make them. */
async function enableUsers(endpoints: readonly string[]): Promise<void> {
  const connection = new EtcdConnection({ endpoints, ...patience })
  const calls: readonly [path: string, ...Field[]][] = [
    ['UserAdd', [1, 'root'], [2, 'right']],
    ['UserAdd', [1, 'guest'], [2, 'g']],
    ['RoleAdd', [1, 'root']],
    ['UserGrantRole', [1, 'root'], [2, 'root']],
    ['AuthEnable'],
  ]
  for (const [path, ...fields] of calls) {
    const message = encodeMessage(fields)
    await connection.ask({
      attempt: path,
      kind: 'change',
      path: `/etcdserverpb.Auth/${path}`,
      message,
    })
  }
  connection.close()
}
