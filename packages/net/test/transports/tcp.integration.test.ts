import assert from 'node:assert/strict'
import { createServer, connect as connectTcp } from 'node:net'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { isEpicError } from '@epicserver/contracts'
import type { ErrorCode } from '@epicserver/contracts'
import { certificateHandshake } from '#src/certificate-handshake.ts'
import { clusterKeyHandshake } from '#src/cluster-key-handshake.ts'
import { ClusterKeyring, createClusterKey } from '#src/cluster-keyring.ts'
import { anyKey } from '#src/handlers.ts'
import { createPipe } from '#src/pipe.ts'
import type { Pipe } from '#src/pipe.ts'
import { printPeer } from '#src/peer-address.ts'
import { tcpTransport } from '#src/transports/tcp.ts'
import type { TcpSecurity } from '#src/transports/tcp-security.ts'
import { TestLog } from '../test-network.ts'
import { TEST_AUTHORITIES } from '../test-certificates.ts'
import { describeTransport } from './transport-suite.ts'

const hasCode = (code: ErrorCode) => (error: unknown) => isEpicError(error) && error.code === code
const KEY = createClusterKey()
const { ours: certificate, strangers: foreignCertificate } = TEST_AUTHORITIES

function fixture(security: TcpSecurity): Parameters<typeof describeTransport>[1] {
  return () => {
    const transport = tcpTransport({ security })
    return {
      connecting: transport,
      accepting: transport,
      address: '[::1]:0',
      nobody: '[::1]:1',
      isEncoding: true,
    }
  }
}

describeTransport('tcp in plain text', fixture('plain-text'))
describeTransport('tcp by cluster key', fixture({ clusterKeys: new ClusterKeyring(KEY) }))
describeTransport('tcp by certificate', fixture({ certificate }))

/** A pipe that ends with its test, and the lines it logs. */
function pipeOf(context: TestContext, security: TcpSecurity, log = new TestLog()): Pipe {
  const pipe = createPipe({ transport: tcpTransport({ security, log }), log })
  context.after(() => pipe.destroy())
  return pipe
}

describe('transport tcp: addresses', () => {
  it('is dual-stack: an IPv4 peer appears as ::ffff:a.b.c.d', async (context) => {
    const security = { clusterKeys: new ClusterKeyring(KEY) }
    const pipe = pipeOf(context, security)
    const accepted = new Promise<string>((resolve) =>
      pipe.on('accepted', ({ peer }) => resolve(peer.host)),
    )
    const address = await pipe.listen(':0')
    const port = address.slice(address.lastIndexOf(':') + 1)
    await pipeOf(context, security).connect(`127.0.0.1:${port}`)
    assert.equal(await accepted, '::ffff:127.0.0.1')
  })

  it('prints a peer as [S2S: ::1, port]', async (context) => {
    const pipe = pipeOf(context, 'plain-text')
    const address = await pipe.listen('[::1]:0')
    const channel = await pipeOf(context, 'plain-text').connect(address)
    assert.match(printPeer(channel.peer), /^\[S2S: ::1, \d+\]$/)
  })

  it('a host without such an address is told what to do', async (context) => {
    await assert.rejects(
      pipeOf(context, { clusterKeys: new ClusterKeyring(KEY) }).listen('[2001:db8::dead]:0'),
      (error) => hasCode('Unavailable')(error) && /IPv6/.test((error as Error).message),
    )
  })
})

describe('transport tcp: an address that is taken', () => {
  it('is said, with what to do', async (context) => {
    const address = await pipeOf(context, 'plain-text').listen('[::1]:0')
    await assert.rejects(pipeOf(context, 'plain-text').listen(address), {
      code: 'Unavailable',
      message: `Cannot listen at ${address}: another process listens there. Stop it, or listen at another port`,
    })
  })
})

describe('transport tcp: plain text', () => {
  it('that leaves this host prints a warning at each start (checklist 3)', async (context) => {
    const log = new TestLog()
    const handshake = clusterKeyHandshake(KEY, { clusterId: 'c', nodeId: 'n', role: 'node' })
    const pipe = createPipe({
      transport: tcpTransport({ security: 'plain-text', log }),
      handshake,
      log,
    })
    context.after(() => pipe.destroy())
    await pipe.listen(':0')
    assert.match(
      log.warnings[0] ?? '',
      /plain text: whoever is on the way can read and change everything/,
    )
  })

  it('on loopback prints none', async (context) => {
    const log = new TestLog()
    await pipeOf(context, 'plain-text', log).listen('[::1]:0')
    assert.deepEqual(log.warnings, [])
  })
})

describe('transport tcp: tls', () => {
  it('puts nothing readable on the wire (checklist 3)', async (context) => {
    const security = { clusterKeys: new ClusterKeyring(KEY) }
    const pipe = pipeOf(context, security)
    const address = await pipe.listen('[::1]:0')
    const seen: Buffer[] = []
    const tapPort = await tap(context, Number(address.split(':').at(-1)), (bytes) =>
      seen.push(bytes),
    )
    const arrived = new Promise((resolve) =>
      pipe.on('accepted', (channel) => void channel.on(anyKey, resolve)),
    )
    const channel = await pipeOf(context, security).connect(`[::1]:${tapPort}`)
    channel.send('the secret recipe')
    assert.equal(await arrived, 'the secret recipe')
    assert.ok(!Buffer.concat(seen).includes('secret recipe'))
  })

  it('a wrong cluster key is refused before anything is said (checklist 1)', async (context) => {
    const pipe = pipeOf(context, { clusterKeys: new ClusterKeyring(KEY) })
    const refused = new Promise<ErrorCode>((resolve) =>
      pipe.on('refused', ({ error }) => resolve(error.code)),
    )
    const address = await pipe.listen('[::1]:0')
    const stranger = pipeOf(context, { clusterKeys: new ClusterKeyring(createClusterKey()) })
    await assert.rejects(stranger.connect(address), hasCode('Unauthorized'))
    assert.equal(await refused, 'Unauthorized')
    assert.equal(pipe.counts.unauthorized, 1)
  })

  it('a key name that we do not have is answered like a wrong key', async (context) => {
    const keyring = new ClusterKeyring(KEY)
    const pipe = pipeOf(context, { clusterKeys: keyring })
    const address = await pipe.listen('[::1]:0')
    const codes: (string | undefined)[] = []
    for (const identity of [keyring.accepted()[0]?.id ?? '', 'unknown']) {
      const socket = connectTls({
        host: '::1',
        port: Number(address.split(':').at(-1)),
        minVersion: 'TLSv1.3',
        ciphers: 'TLS_AES_128_GCM_SHA256',
        pskCallback: () => ({ psk: Buffer.alloc(32), identity }),
        checkServerIdentity: () => undefined,
      })
      codes.push(
        await new Promise((resolve) =>
          socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)),
        ),
      )
    }
    assert.equal(codes[0], codes[1])
    assert.notEqual(codes[0], undefined)
  })

  it('an address that fails too often is not even answered for a while (checklist 1)', async (context) => {
    const pipe = pipeOf(context, { clusterKeys: new ClusterKeyring(KEY) })
    const address = await pipe.listen('[::1]:0')
    const stranger = pipeOf(context, { clusterKeys: new ClusterKeyring(createClusterKey()) })
    for (let i = 0; i < 14; i += 1) await assert.rejects(stranger.connect(address), isEpicError)
    const { unauthorized, refusedFailing } = pipe.counts
    assert.ok(refusedFailing >= 1, `${refusedFailing} were not answered`)
    assert.equal(unauthorized + refusedFailing, 14)
  })

  it('the cluster key is rotated without a restart, told and untold nodes meet (checklist 5)', async (context) => {
    const told = new ClusterKeyring(KEY)
    told.rotate(createClusterKey(), { acceptOldForMs: 60_000 })
    const untold = new ClusterKeyring(KEY)
    for (const [connecting, accepting] of [
      [told, untold],
      [untold, told],
    ] as const) {
      const address = await pipeOf(context, { clusterKeys: accepting })
        .listen('[::1]:0')
        .then((text) => text)
      assert.equal(
        (await pipeOf(context, { clusterKeys: connecting }).connect(address)).state,
        'open',
      )
    }
    const gone = new ClusterKeyring(KEY)
    gone.rotate(createClusterKey(), { acceptOldForMs: 0 })
    const address = await pipeOf(context, { clusterKeys: gone }).listen('[::1]:0')
    await assert.rejects(
      pipeOf(context, { clusterKeys: untold }).connect(address),
      hasCode('Unauthorized'),
    )
  })

  it('a certificate of another authority, or none, is refused', async (context) => {
    const pipe = pipeOf(context, { certificate })
    const address = await pipe.listen('[::1]:0')
    const stranger = pipeOf(context, { certificate: foreignCertificate })
    await assert.rejects(stranger.connect(address), isEpicError)
    const trusting = pipeOf(context, { certificate: { ...foreignCertificate, ca: certificate.ca } })
    const outcome = await trusting.connect(address).catch((error: unknown) => error)
    assert.ok(isEpicError(outcome), 'trusting the server is not enough: it must trust us')
  })

  it('strangers that send noise, or reset, are counted, and the pipe keeps working (checklist 9)', async (context) => {
    const security = { clusterKeys: new ClusterKeyring(KEY) }
    const pipe = pipeOf(context, security)
    const address = await pipe.listen('[::1]:0')
    const port = Number(address.split(':').at(-1))
    for (const noise of ['', 'GET / HTTP/1.1\r\n\r\n', '\u0016\u0003\u0001', 'x'.repeat(10_000)]) {
      const refused = new Promise((resolve) => pipe.on('refused', resolve))
      const socket = connectTcp({ host: '::1', port })
      socket.on('error', () => socket.destroy())
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.write(noise, () => socket.resetAndDestroy())
      await refused
    }
    const { unauthorized, lost } = pipe.counts
    assert.equal(unauthorized + lost, 4)
    assert.equal((await pipeOf(context, security).connect(address)).state, 'open')
  })

  it('who is refused is named once, and why in words of ours (checklist 7)', async (context) => {
    const log = new TestLog()
    const pipe = pipeOf(context, { clusterKeys: new ClusterKeyring(KEY) }, log)
    const address = await pipe.listen('[::1]:0')
    const port = Number(address.split(':').at(-1))
    const refusal = (): Promise<string> =>
      new Promise((resolve) => pipe.on('refused', ({ error }) => resolve(error.message)))
    const browser = refusal()
    const socket = connectTcp({ host: '::1', port }, () => socket.write('GET / HTTP/1.1\r\n\r\n'))
    socket.on('error', () => socket.destroy())
    assert.match(await browser, /^Cannot open a channel with \[S2S: ::1, \d+\]: it speaks HTTP/)
    const stranger = refusal()
    const wrongKey = { clusterKeys: new ClusterKeyring(createClusterKey()) }
    await assert.rejects(pipeOf(context, wrongKey).connect(address), isEpicError)
    assert.match(
      await stranger,
      /^Cannot open a channel with \[S2S: ::1, \d+\]: it did not prove that it holds the cluster key [^:]*$/,
    )
    assert.ok(log.warnings.length >= 2, 'both are logged')
  })

  it('plain text at a port of tls, and tls at one of plain text, is refused', async (context) => {
    const tls = pipeOf(context, { clusterKeys: new ClusterKeyring(KEY) })
    const plain = pipeOf(context, 'plain-text')
    const tlsAddress = await tls.listen('[::1]:0')
    const plainAddress = await plain.listen('[::1]:0')
    await assert.rejects(pipeOf(context, 'plain-text').connect(tlsAddress), isEpicError)
    await assert.rejects(
      pipeOf(context, { clusterKeys: new ClusterKeyring(KEY) }).connect(plainAddress),
      isEpicError,
    )
  })

  it('the handshake is bound to the stream: both ends see the same binding, other streams another', async (context) => {
    const security = { clusterKeys: new ClusterKeyring(KEY) }
    const bindings: string[] = []
    const note = clusterKeyHandshake(KEY, { clusterId: 'c', nodeId: 'n1', role: 'node' })
    const other = clusterKeyHandshake(KEY, { clusterId: 'c', nodeId: 'n2', role: 'node' })
    const noting =
      (handshake: typeof note): typeof note =>
      (raw) => {
        bindings.push(Buffer.from(raw.binding).toString('hex'))
        return handshake(raw)
      }
    const b = createPipe({ transport: tcpTransport({ security }), handshake: noting(other) })
    const a = createPipe({ transport: tcpTransport({ security }), handshake: noting(note) })
    context.after(() => {
      a.destroy()
      b.destroy()
    })
    const address = await b.listen('[::1]:0')
    await a.connect(address)
    await a.connect(address)
    assert.equal(bindings.length, 4)
    assert.equal(new Set(bindings).size, 2)
    assert.ok(bindings.every((binding) => binding.length === 64))
  })
})

/** A port that passes everything on to another, and shows it. */
async function tap(
  context: TestContext,
  port: number,
  see: (bytes: Buffer) => void,
): Promise<number> {
  const server = createServer((inner) => {
    const outer = connectTcp({ host: '::1', port })
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      from.on('data', (bytes: Buffer) => {
        see(bytes)
        to.write(bytes)
      })
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
  })
  context.after(() => server.close())
  await new Promise<void>((resolve) => server.listen({ host: '::1', port: 0 }, resolve))
  const bound = server.address()
  return typeof bound === 'object' && bound !== null ? bound.port : 0
}

describe('certificate handshake', () => {
  const node = (nodeId: string, clusterId = 'c') =>
    certificateHandshake({ clusterId, nodeId, role: 'node' })

  function meeting(
    context: TestContext,
    security: TcpSecurity,
    [accepting, connecting]: readonly [ReturnType<typeof node>, ReturnType<typeof node>],
  ): { readonly listens: Pipe; readonly connects: Pipe } {
    const make = (handshake: ReturnType<typeof node>): Pipe => {
      const log = new TestLog()
      const pipe = createPipe({ transport: tcpTransport({ security, log }), handshake, log })
      context.after(() => pipe.destroy())
      return pipe
    }
    return { listens: make(accepting), connects: make(connecting) }
  }

  it('over certificates each side learns who the other is', async (context) => {
    const { listens, connects } = meeting(context, { certificate }, [node('n1'), node('n2')])
    const accepted = new Promise<string | undefined>((resolve) =>
      listens.on('accepted', ({ identity }) => resolve(identity?.nodeId)),
    )
    const channel = await connects.connect(await listens.listen('[::1]:0'))
    assert.equal(channel.identity?.nodeId, 'n1')
    assert.equal(await accepted, 'n2')
  })

  it('a node of another cluster is told so, on both sides', async (context) => {
    const { listens, connects } = meeting(context, { certificate }, [node('n1'), node('n2', 'd')])
    const refused = new Promise<string>((resolve) =>
      listens.on('refused', ({ error }) => resolve(error.message)),
    )
    const joining = connects.connect(await listens.listen('[::1]:0'))
    await assert.rejects(
      joining,
      (error) =>
        hasCode('Incompatible')(error) && /"c".*"d"|"d".*"c"/.test((error as Error).message),
    )
    assert.match(await refused, /the cluster is/)
  })

  it('does not begin where nobody has shown a certificate', async (context) => {
    const { listens, connects } = meeting(context, 'plain-text', [node('n1'), node('n2')])
    const refused = new Promise<string>((resolve) =>
      listens.on('refused', ({ error }) => resolve(error.code)),
    )
    const joining = connects.connect(await listens.listen('[::1]:0'))
    await assert.rejects(joining, hasCode('Unauthorized'))
    assert.match(await refused, /Unauthorized|Unavailable/)
  })
})
