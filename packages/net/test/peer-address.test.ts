import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { attemptsKey, peerFromSocket, printPeer } from '#src/peer-address.ts'

const tcp = (host: string): { transport: string; host: string; port: number } => ({
  transport: 'tcp',
  host,
  port: 1,
})

describe('peer address: printed', () => {
  it('is [S2S: host, port]', () => {
    assert.equal(printPeer({ transport: 'tcp', host: '::1', port: 3030 }), '[S2S: ::1, 3030]')
    assert.equal(
      printPeer({ transport: 'tcp', host: '::ffff:10.0.0.1', port: 80 }, 'C2S'),
      '[C2S: ::ffff:10.0.0.1, 80]',
    )
  })

  it('is a path or a name where there is no port', () => {
    assert.equal(printPeer({ transport: 'unix', host: '/run/epic/n1' }), '[S2S: /run/epic/n1]')
  })

  it('has flow and scope only when they matter', () => {
    const peer = { transport: 'tcp', port: 3030 }
    assert.equal(printPeer({ ...peer, host: '::1', flow: 0, scope: 'lo' }), '[S2S: ::1, 3030]')
    assert.equal(printPeer({ ...peer, host: '::1', flow: 0xbeef }), '[S2S: ::1, 3030, flow 0xbeef]')
    assert.equal(
      printPeer({ ...peer, host: 'fe80::1', scope: 'eth0' }),
      '[S2S: fe80::1, 3030, scope eth0]',
    )
  })

  it('comes apart as the system gives it', () => {
    assert.deepEqual(peerFromSocket('fe80::1%eth0', 5), {
      transport: 'tcp',
      host: 'fe80::1',
      port: 5,
      scope: 'eth0',
    })
    assert.deepEqual(peerFromSocket('::1', 5), { transport: 'tcp', host: '::1', port: 5 })
  })
})

describe('peer address: whose attempts are counted together', () => {
  it('one IPv4 address', () => {
    assert.equal(attemptsKey(tcp('::ffff:10.0.0.1')), '::ffff:10.0.0.1')
    assert.notEqual(attemptsKey(tcp('::ffff:10.0.0.1')), attemptsKey(tcp('::ffff:10.0.0.2')))
  })

  it('the /64 of an IPv6 address, however it is written', () => {
    assert.equal(attemptsKey(tcp('2001:db8:1:2:3:4:5:6')), '2001:db8:1:2')
    assert.equal(attemptsKey(tcp('2001:db8:1:2::6')), '2001:db8:1:2')
    assert.equal(attemptsKey(tcp('2001:db8::6')), '2001:db8:0:0')
    assert.equal(attemptsKey(tcp('::1')), '0:0:0:0')
  })

  it('nobody’s where there is no network', () => {
    assert.equal(attemptsKey({ transport: 'unix', host: '/run/x' }), undefined)
  })
})
