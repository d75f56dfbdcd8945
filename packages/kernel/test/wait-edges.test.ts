import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { WaitExchange, type WaitEdge } from '@epicserver/kernel'
import fc from 'fast-check'
import { classPlan, Driver, operation, originOf, type TestCall } from './driver.ts'

const whole = operation('whole', { lock: 'entity' })
const Vault = classPlan('Vault', { hasLocks: true })

/** A node with one vault of its own, `Vault/<nodeId>`, which a turn holds. */
class Node {
  readonly id: string
  readonly driver: Driver
  readonly exchange = new WaitExchange()
  readonly holder: TestCall

  constructor(id: string) {
    this.id = id
    this.driver = new Driver({ types: [Vault], nodeId: id })
    this.holder = this.driver.start(`Vault/${id}`, whole)
  }

  /** A turn here calls the vault of another node, and waits there. */
  calls(other: Node, turn: TestCall = this.holder): TestCall {
    const leaving = this.driver.make('Far/away', whole, { parent: turn })
    return other.driver.receive(`Vault/${other.id}`, whole, { origin: originOf(leaving) })
  }

  /** Holds an exchange with its peers, and fails what is found; says how many calls that were. */
  compare(peers: readonly Node[]): number {
    const exchange = this.exchange.begin(this.driver.kernel.waitEdges(0))
    for (const peer of peers) {
      if (peer === this) continue
      const edges = peer.driver.kernel.waitEdges(0)
      this.exchange.handleRemoteEdges({ nodeId: peer.id, exchange, edges })
    }
    return this.exchange.end().filter((found) => this.driver.kernel.failDeadlocked(found)).length
  }
}

function nodes(...ids: readonly string[]): Node[] {
  return ids.map((id) => new Node(id))
}

describe('wait edges: three nodes in a cycle', () => {
  it('fail exactly one call, the one with the greatest name, after two exchanges', () => {
    const all = nodes('n1', 'n2', 'n3')
    const [n1, n2, n3] = all as [Node, Node, Node]
    const calls = [n1.calls(n2), n2.calls(n3), n3.calls(n1)]
    assert.deepEqual(
      calls.map((call) => call.status),
      ['waiting', 'waiting', 'waiting'],
    )
    assert.deepEqual(
      all.map((node) => node.compare(all)),
      [0, 0, 0],
    )
    assert.deepEqual(
      all.map((node) => node.compare(all)),
      [0, 0, 1],
    )
    const victim = calls[1] as TestCall
    assert.equal(victim.error.code, 'Deadlock')
    assert.equal(
      victim.error.message,
      'Cannot call Vault/n3.whole: Vault/n3.whole → Vault/n1.whole → Vault/n2.whole → Vault/n3.whole wait for each other',
    )
    for (let i = 0; i < 3; i += 1)
      assert.deepEqual(
        all.map((node) => node.compare(all)),
        [0, 0, 0],
      )
    for (const node of all) node.driver.kernel.assertInvariants()
  })

  it('go on once the victim’s caller has given way', () => {
    const all = nodes('n1', 'n2', 'n3')
    const [n1, n2, n3] = all as [Node, Node, Node]
    const [first, victim] = [n1.calls(n2), n2.calls(n3)]
    n3.calls(n1)
    for (let i = 0; i < 2; i += 1) for (const node of all) node.compare(all)
    assert.equal(victim.status, 'ended')
    n2.driver.end(n2.holder)
    assert.deepEqual(n2.driver.run(), [first])
  })
})

describe('wait edges: no deadlock', () => {
  it('in a chain of waits that leads nowhere', () => {
    const all = nodes('n1', 'n2', 'n3')
    const [n1, n2, n3] = all as [Node, Node, Node]
    n1.calls(n2)
    n2.calls(n3)
    for (let i = 0; i < 3; i += 1)
      assert.deepEqual(
        all.map((node) => node.compare(all)),
        [0, 0, 0],
      )
  })

  it('in a cycle put together from edges that were never there at one time', () => {
    const [n1, n2] = nodes('n1', 'n2') as [Node, Node]
    for (let i = 0; i < 5; i += 1) {
      const there = n1.calls(n2)
      const edges = n2.driver.kernel.waitEdges(0)
      n2.driver.kernel.failWaiting(there, new Error('given up'))
      const back = n2.calls(n1)
      const exchange = n1.exchange.begin(n1.driver.kernel.waitEdges(0))
      n1.exchange.handleRemoteEdges({ nodeId: 'n2', exchange, edges })
      assert.deepEqual(n1.exchange.end(), [])
      n1.driver.kernel.failWaiting(back, new Error('given up'))
    }
  })

  it('for as long as a peer does not answer', () => {
    const [n1, n2] = nodes('n1', 'n2') as [Node, Node]
    n1.calls(n2)
    n2.calls(n1)
    assert.equal(n2.compare([n1]), 0)
    assert.equal(n2.compare([]), 0)
    assert.equal(n2.compare([n1]), 0)
    assert.equal(n2.compare([n1]), 1)
  })
})

describe('wait edges: what a node tells', () => {
  it('is the calls that have waited for long, oldest first, and no more than the limit', () => {
    const driver = new Driver({ types: [Vault], limits: { waitEdgesMax: 2 } })
    const origin = { depth: 1, above: ['n9:1'] }
    const holder = driver.start('Vault/a', whole)
    for (let i = 0; i < 4; i += 1) {
      driver.kernel.now = i * 10
      driver.receive('Vault/a', whole, { origin })
    }
    driver.kernel.now = 100
    const edge = { name: 'Vault/a.whole', above: ['n9:1'], awaits: [holder.turnKey] }
    assert.deepEqual(driver.kernel.waitEdges(0), [
      { ...edge, wait: 'n1:w2' },
      { ...edge, wait: 'n1:w3' },
    ])
    assert.deepEqual(driver.kernel.waitEdges(100), [{ ...edge, wait: 'n1:w2' }])
    assert.deepEqual(driver.kernel.waitEdges(101), [])
  })

  it('leaves out what cannot be in a cycle: calls from outside, and waits for no lock', () => {
    const driver = new Driver({ types: [Vault] })
    driver.call('Vault/b', whole, { origin: { depth: 1, above: ['n9:1'] } })
    driver.start('Vault/a', whole)
    driver.call('Vault/a', whole)
    driver.kernel.drop(driver.at('Vault/b'))
    driver.takeEffects()
    assert.deepEqual(driver.kernel.waitEdges(0), [])
  })
})

describe('wait edges: an exchange', () => {
  const edge = (wait: string, above: string, awaits: string): WaitEdge => ({
    wait,
    name: wait,
    above: [above],
    awaits: [awaits],
  })
  const own = [edge('a', 'A', 'B')]
  const peers = [edge('b', 'B', 'A')]

  /**
   * One exchange in which a peer sends all these answers, those of an earlier one where `isLate`.
   */
  function held(
    exchange: WaitExchange,
    answers: readonly (readonly WaitEdge[])[],
    isLate = false,
  ): string[] {
    const number = exchange.begin([edge('z', 'A', 'B')])
    for (const edges of answers) {
      exchange.handleRemoteEdges({ nodeId: 'n2', exchange: isLate ? number - 1 : number, edges })
    }
    return exchange.end().map(({ wait }) => wait)
  }

  it('finds what is told in two in a row', () => {
    const exchange = new WaitExchange()
    assert.deepEqual(held(exchange, [peers]), [])
    assert.deepEqual(held(exchange, [peers]), ['z'])
    assert.deepEqual(exchange.end(), [])
  })

  it('leaves out an answer that is late', () => {
    const exchange = new WaitExchange()
    assert.deepEqual(held(exchange, [peers]), [])
    assert.deepEqual(held(exchange, [peers], true), [])
    assert.deepEqual(held(exchange, [peers]), [])
    assert.deepEqual(held(exchange, [peers]), ['z'])
  })

  it('leaves out the second of two answers, and what comes when none is asked for', () => {
    const exchange = new WaitExchange()
    assert.deepEqual(held(exchange, [[], peers]), [])
    exchange.handleRemoteEdges({ nodeId: 'n2', exchange: 1, edges: peers })
    assert.deepEqual(held(exchange, [peers]), [])
  })

  it('leaves out a wait that is for another turn than before', () => {
    const exchange = new WaitExchange()
    assert.deepEqual(held(exchange, [[edge('b', 'B', 'C')]]), [])
    assert.deepEqual(held(exchange, [peers]), [])
    assert.deepEqual(held(exchange, [peers]), ['z'])
  })

  it('has an end before the next begins', () => {
    const exchange = new WaitExchange()
    exchange.begin(own)
    assert.throws(() => exchange.begin(own), { message: 'Exchange 1 has not ended' })
  })

  it('fails calls of its own node only', () => {
    const exchange = new WaitExchange()
    for (let i = 0; i < 2; i += 1) {
      const number = exchange.begin(own)
      exchange.handleRemoteEdges({ nodeId: 'n2', exchange: number, edges: peers })
      assert.deepEqual(exchange.end(), [])
    }
  })

  it('believes of what it is told of its own calls nothing', () => {
    const exchange = new WaitExchange()
    for (let i = 0; i < 2; i += 1) {
      const number = exchange.begin([edge('x', 'A', 'Z')])
      const forged = [edge('x', 'A', 'B'), edge('b', 'B', 'A')]
      exchange.handleRemoteEdges({ nodeId: 'n2', exchange: number, edges: forged })
      assert.deepEqual(exchange.end(), [])
    }
  })
})

describe('wait edges: random waits over three nodes', () => {
  /** Whether a wait can be reached from itself, by trying all ways. */
  function isInCycle(start: WaitEdge, edges: readonly WaitEdge[]): boolean {
    const reached = new Set<WaitEdge>()
    const visit = (from: WaitEdge): void => {
      for (const next of edges) {
        const isNext = from.awaits.some((turn) => next.above.includes(turn))
        if (isNext && !reached.has(next)) {
          reached.add(next)
          visit(next)
        }
      }
    }
    visit(start)
    return reached.has(start)
  }

  const turns = fc.uniqueArray(fc.constantFrom('A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'), {
    minLength: 1,
    maxLength: 3,
  })
  const wait = fc.record({ above: turns, awaits: turns, node: fc.nat(2) })

  it('all cycles are broken, only calls in cycles fail, and no two of one knot at once', () => {
    fc.assert(
      fc.property(fc.array(wait, { maxLength: 12, size: 'max' }), (waits) => {
        const owners = waits.map((each) => each.node)
        let edges = waits.map(({ above, awaits }, i) => ({
          wait: `w${100 + i}`,
          name: `w${100 + i}`,
          above,
          awaits,
        }))
        const ownerOf = (edge: WaitEdge): number =>
          owners[Number(edge.wait.slice(1)) - 100] as number
        const exchanges = [0, 1, 2].map(() => new WaitExchange())
        for (let round = 0; round < 2 * waits.length + 2; round += 1) {
          const found = exchanges.flatMap((exchange, node) => {
            const number = exchange.begin(edges.filter((edge) => ownerOf(edge) === node))
            for (const peer of [0, 1, 2].filter((each) => each !== node)) {
              const told = edges.filter((edge) => ownerOf(edge) === peer)
              exchange.handleRemoteEdges({ nodeId: `${peer}`, exchange: number, edges: told })
            }
            return exchange.end()
          })
          for (const victim of found) {
            const edge = edges.find((each) => each.wait === victim.wait) as WaitEdge
            assert.ok(isInCycle(edge, edges), 'a call failed that is in no cycle')
            const others = edges.filter(
              (each) => !found.some((other) => other !== victim && other.wait === each.wait),
            )
            assert.ok(isInCycle(edge, others), 'two calls of one cycle failed at once')
          }
          edges = edges.filter((edge) => !found.some((victim) => victim.wait === edge.wait))
        }
        for (const edge of edges) assert.ok(!isInCycle(edge, edges), 'a cycle was not broken')
      }),
      { numRuns: 500 },
    )
  })
})
