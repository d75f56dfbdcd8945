import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { NetHosts, whyNoHosts, type NetHost } from '../src/hosts/net-hosts.ts'

const PORT = 9
const LISTEN = `const s = require('dgram').createSocket('udp6'); s.on('message', (m) => console.log(String(m))); s.bind(${PORT}, () => console.log('listening'))`
const SEND = `const [to, text] = process.argv.slice(1); const s = require('dgram').createSocket('udp6'); s.send(text, ${PORT}, to, () => s.close())`

/** A host's program that prints what it hears. */
class Ear {
  readonly heard: string[] = []
  #wake: () => void = () => undefined
  readonly host: NetHost

  constructor(host: NetHost) {
    this.host = host
    const [command, ...args] = [...host.command, process.execPath, '-e', LISTEN]
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.heard.push(line)
      this.#wake()
    })
  }

  async hears(text: string): Promise<void> {
    while (!this.heard.includes(text)) await new Promise<void>((wake) => (this.#wake = wake))
  }
}

/** Resolves when it was sent, whether or not it arrives. */
async function say(from: NetHost, to: NetHost, text: string): Promise<void> {
  const [command, ...args] = [...from.command, process.execPath, '-e', SEND, to.address, text]
  await once(spawn(command, args, { stdio: 'ignore' }), 'exit')
}

describe('hosts', { skip: whyNoHosts() ?? false }, () => {
  let net: NetHosts
  let ears: [Ear, Ear, Ear]
  before(async () => {
    net = await NetHosts.create(3)
    const [a, b, c] = net.hosts.map((host) => new Ear(host))
    ears = [a as Ear, b as Ear, c as Ear]
    await Promise.all(ears.map((ear) => ear.hears('listening')))
  })
  after(() => net.remove())

  it('one that is cut hears nothing, and is heard again when it is mended', async () => {
    const [a, b, c] = ears
    // Who does not know yet where another is keeps what it says until it finds out, also over a cut.
    await say(b.host, a.host, 'before the void')
    await say(a.host, c.host, 'before the void')
    await Promise.all([a.hears('before the void'), c.hears('before the void')])
    await net.cut(a.host)
    await say(b.host, a.host, 'into the void')
    await say(a.host, c.host, 'out of the void')
    await say(b.host, c.host, 'after the void')
    await c.hears('after the void')
    await net.mend(a.host)
    await say(b.host, a.host, 'again')
    await a.hears('again')
    assert.ok(!a.heard.includes('into the void'))
    assert.ok(!c.heard.includes('out of the void'))
  })

  it('one that is deaf to another is still heard by it, and hears all the rest', async () => {
    const [a, b, c] = ears
    await net.deafen(a.host, b.host)
    await say(a.host, b.host, 'to the deaf')
    await say(c.host, b.host, 'by the third')
    await b.hears('by the third')
    await say(b.host, a.host, 'from the deaf')
    await a.hears('from the deaf')
    await net.undeafen(a.host, b.host)
    await say(a.host, b.host, 'to the healed')
    await b.hears('to the healed')
    assert.ok(!b.heard.includes('to the deaf'))
  })
})
