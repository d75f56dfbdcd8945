import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EntityEffect, Resident } from '@epicserver/fabric'
import { Lab } from './lab.ts'
import type { Subject } from './lab.ts'

/** With two members, a owns partitions 0 and 1, b owns 2 and 3; a third is left without a share until b or a goes. */
const home = { key: 'P/home', partition: 0 }

function pair(): { lab: Lab; a: Subject; b: Subject } {
  const lab = new Lab()
  const a = lab.join('a')
  const b = lab.join('b')
  return { lab, a, b }
}

const idOf = ({ member }: Subject): string => member.nodeId ?? ''

function asked(subject: Subject): EntityEffect[] {
  const effects: EntityEffect[] = []
  for (;;) {
    const effect = subject.member.residents.pollEffect()
    if (effect === undefined) return effects
    effects.push(effect)
  }
}

function kinds(subject: Subject): string[] {
  return asked(subject).map(({ kind }) => kind)
}

/** An entity of a's that lives at b; returns it as b's runtime knows it. */
function guestAt(lab: Lab, a: Subject, b: Subject): Resident {
  a.member.residents.place(home, idOf(b), lab.now)
  b.member.residents.resolve(home, 0n, lab.now)
  lab.run()
  const granted = asked(b)[0]
  assert.ok(granted?.kind === 'granted')
  return { ...home, epoch: granted.epoch }
}

/** Moves an entity as two runtimes would; returns what the target was told to run. */
/** Begins a move, and seals the entity when its owner has prepared. */
function moveSealed(lab: Lab, resident: Resident, from: Subject, to: Subject): void {
  from.member.residents.move(resident, idOf(to), lab.now)
  lab.run()
  from.member.residents.sealed(resident.key, 'payload', lab.now)
  lab.run()
}

function move(lab: Lab, resident: Resident, from: Subject, to: Subject): EntityEffect | undefined {
  moveSealed(lab, resident, from, to)
  assert.deepEqual(kinds(to), ['adopt'])
  to.member.residents.adopted(resident.key, lab.now)
  lab.run()
  return asked(to)[0]
}

describe('residents: routes', () => {
  it('lead to the owner, and are here at the owner', () => {
    const { lab, a, b } = pair()
    assert.deepEqual(a.member.residents.route(home, lab.now), { kind: 'here' })
    assert.deepEqual(b.member.residents.route(home, lab.now), {
      kind: 'at',
      host: idOf(a),
      epoch: 0n,
    })
  })

  it('lead nowhere before there is a view, or past the deadline', () => {
    const { a } = pair()
    assert.deepEqual(a.member.residents.route(home, 4_500), { kind: 'wait' })
  })

  it('follow what an answer said, until an answer says otherwise', () => {
    const { lab, a, b } = pair()
    const c = lab.join('c')
    b.member.residents.learn(home.key, idOf(c), 5n)
    assert.deepEqual(b.member.residents.route(home, lab.now), {
      kind: 'at',
      host: idOf(c),
      epoch: 5n,
    })
    b.member.residents.forget(home.key, idOf(c))
    assert.deepEqual(b.member.residents.route(home, lab.now), {
      kind: 'at',
      host: idOf(a),
      epoch: 0n,
    })
  })

  it('do not follow to a node that is gone', () => {
    const { lab, a, b } = pair()
    b.member.residents.learn(home.key, 'n99', 5n)
    assert.deepEqual(b.member.residents.route(home, lab.now), {
      kind: 'at',
      host: idOf(a),
      epoch: 0n,
    })
  })
})

describe('residents: placing', () => {
  it('is the owner’s word, and the host runs it once it is granted', () => {
    const { lab, a, b } = pair()
    const placed = a.member.residents.place(home, idOf(b), lab.now)
    assert.equal(placed.kind === 'at' && placed.host, idOf(b))
    assert.deepEqual(b.member.residents.resolve(home, 0n, lab.now), { kind: 'wait' })
    lab.run()
    assert.deepEqual(kinds(b), ['granted'])
    assert.deepEqual(b.member.residents.route(home, lab.now), { kind: 'here' })
    assert.equal(a.member.residents.awayCount, 1)
  })

  it('is no business of others', () => {
    const { lab, b } = pair()
    b.member.residents.place(home, idOf(b), lab.now)
    assert.equal(b.member.residents.route(home, lab.now).kind, 'at')
  })

  it('ends when the host lets the entity go', () => {
    const { lab, a, b } = pair()
    guestAt(lab, a, b)
    b.member.residents.release(home.key, lab.now)
    lab.run()
    assert.deepEqual(a.member.residents.route(home, lab.now), { kind: 'here' })
  })

  it('ends when the host dies', () => {
    const { lab, a, b } = pair()
    guestAt(lab, a, b)
    lab.engine.revoke(idOf(b))
    lab.run()
    assert.deepEqual(a.member.residents.route(home, lab.now), { kind: 'here' })
  })

  it('sends on a call that came to where the entity is not', () => {
    const { lab, b } = pair()
    assert.deepEqual(b.member.residents.resolve(home, 0n, lab.now), { kind: 'wait' })
    lab.run()
    assert.deepEqual(kinds(b), ['elsewhere'])
  })
})

describe('residents: moving', () => {
  it('takes an entity from home to another node', () => {
    const { lab, a, b } = pair()
    const epoch = a.member.nextGrantEpoch(0)
    const started = move(lab, { ...home, epoch }, a, b)
    assert.ok(started?.kind === 'start' && started.epoch > epoch)
    assert.deepEqual(kinds(a), ['seal', 'moved'])
    const route = a.member.residents.route(home, lab.now)
    assert.equal(route.kind === 'at' && route.host, idOf(b))
  })

  it('takes an entity home', () => {
    const { lab, a, b } = pair()
    const guest = guestAt(lab, a, b)
    assert.equal(move(lab, guest, b, a)?.kind, 'start')
    assert.deepEqual(a.member.residents.route(home, lab.now), { kind: 'here' })
    assert.deepEqual([...a.member.residents.guests], [])
    assert.equal(a.member.residents.awayCount, 0)
  })

  it('takes an entity between two hosts, and leaves word where it was', () => {
    const { lab, a, b } = pair()
    const c = lab.join('c')
    const guest = guestAt(lab, a, b)
    assert.equal(move(lab, guest, b, c)?.kind, 'start')
    const sentOn = b.member.residents.resolve(home, guest.epoch, lab.now)
    assert.equal(sentOn.kind === 'at' && sentOn.host, idOf(c))
  })

  it('asks the owner rather than follow a word that is older than the caller’s', () => {
    const { lab, a, b } = pair()
    const c = lab.join('c')
    move(lab, guestAt(lab, a, b), b, c)
    assert.deepEqual(b.member.residents.resolve(home, 2n ** 60n, lab.now), { kind: 'wait' })
  })

  it('does not ask for what is on its way here', () => {
    const { lab, a, b } = pair()
    const epoch = a.member.nextGrantEpoch(0)
    moveSealed(lab, { ...home, epoch }, a, b)
    assert.deepEqual(b.member.residents.resolve(home, 0n, lab.now), { kind: 'wait' })
    lab.run()
    assert.deepEqual(kinds(b), ['adopt'])
  })

  it('leaves the entity at home when the target cannot take it', () => {
    const { lab, a, b } = pair()
    const epoch = a.member.nextGrantEpoch(0)
    moveSealed(lab, { ...home, epoch }, a, b)
    b.member.residents.refused(home.key, lab.now)
    lab.run()
    const resume = asked(a).at(-1)
    assert.ok(resume?.kind === 'resume' && resume.epoch > epoch)
    assert.deepEqual(a.member.residents.route(home, lab.now), { kind: 'here' })
  })

  it('leaves the entity at home when it finds no quiet moment in two seconds', () => {
    const { lab, a, b } = pair()
    const epoch = a.member.nextGrantEpoch(0)
    a.member.residents.move({ ...home, epoch }, idOf(b), lab.now)
    lab.pass(2_000)
    const resume = asked(a).at(-1)
    assert.ok(resume?.kind === 'resume')
    assert.equal(resume.failure, 'tooLate')
  })

  it('of a group lets none wait for another', () => {
    const { lab, a, b } = pair()
    const epoch = a.member.nextGrantEpoch(0)
    const quick = { ...home, epoch }
    const slow = { key: 'P/slow', partition: 0, epoch: a.member.nextGrantEpoch(0) }
    a.member.residents.moveGroup([slow, quick], idOf(b), lab.now)
    lab.run()
    a.member.residents.sealed(quick.key, 'payload', lab.now)
    lab.run()
    b.member.residents.adopted(quick.key, lab.now)
    lab.run()
    assert.equal(a.member.residents.isMoving(quick.key), false)
    assert.equal(a.member.residents.isMoving(slow.key), true)
    assert.equal(a.member.residents.departingCount, 1)
  })

  it('ends at the source when the target dies', () => {
    const { lab, a, b } = pair()
    const epoch = a.member.nextGrantEpoch(0)
    moveSealed(lab, { ...home, epoch }, a, b)
    lab.engine.revoke(idOf(b))
    lab.run()
    assert.equal(asked(a).at(-1)?.kind, 'resume')
  })
})

describe('residents: a new owner', () => {
  it('knows what lives elsewhere before it serves', () => {
    const { lab, a, b } = pair()
    const c = lab.join('c')
    const guest = guestAt(lab, a, b)
    lab.subjects.splice(lab.subjects.indexOf(a), 1)
    lab.engine.revoke(idOf(a))
    lab.run()
    const owner = [b, c].find(({ member }) => member.isServing(home.partition))
    assert.ok(owner !== undefined)
    const route = owner.member.residents.route(home, lab.now)
    const atHost = { kind: 'at', host: idOf(b), epoch: guest.epoch }
    assert.deepEqual(route, owner === b ? { kind: 'here' } : atHost)
  })

  it('learns of entities that stayed with the owner of before', () => {
    const lab = new Lab()
    const a = lab.join('a')
    a.acknowledges = false
    const last = { key: 'P/last', partition: 3, epoch: a.member.nextGrantEpoch(3) }
    const b = lab.join('b')
    a.member.ackLost(2, lab.now, [last])
    lab.run()
    assert.equal(b.member.isServing(3), true)
    assert.deepEqual(b.member.residents.route(last, lab.now), {
      kind: 'at',
      host: idOf(a),
      epoch: last.epoch,
    })
    assert.deepEqual(a.member.residents.route(last, lab.now), { kind: 'here' })
  })

  it('ends a move that the owner of before began', () => {
    const { lab, a, b } = pair()
    const c = lab.join('c')
    const guest = guestAt(lab, a, b)
    moveSealed(lab, guest, b, c)
    assert.deepEqual(kinds(c), ['adopt'])
    lab.subjects.splice(lab.subjects.indexOf(a), 1)
    lab.engine.revoke(idOf(a))
    lab.run()
    const resume = asked(b).at(-1)
    assert.ok(resume?.kind === 'resume' && resume.epoch > guest.epoch)
    c.member.residents.adopted(guest.key, lab.now)
    lab.run()
    assert.deepEqual(kinds(c), ['drop'])
  })

  it('is not believed in what the owner of before said (checklist 11)', () => {
    const { lab, a, b } = pair()
    b.member.residents.resolve(home, 0n, lab.now)
    const stale = { ...home, kind: 'grant', nonce: 1, epoch: 9n, viewNo: 2, term: 0 } as const
    b.member.handlePeerMessage(idOf(a), stale, lab.now)
    assert.deepEqual(kinds(b), [])
  })
})

describe('residents: hostile words', () => {
  it('of partitions that do not exist are dropped', () => {
    const { lab, a, b } = pair()
    const place = { key: 'P/1', partition: 9_999, viewNo: 2, term: 0 }
    const transfer = {
      ...place,
      kind: 'transfer',
      sourceEpoch: 1n,
      epoch: 2n,
      payload: '',
    } as const
    b.member.handlePeerMessage(idOf(a), transfer, lab.now)
    assert.deepEqual(kinds(b), [])
  })

  it('of strangers are dropped', () => {
    const { lab, b } = pair()
    const transfer = {
      ...home,
      kind: 'transfer',
      sourceEpoch: 1n,
      epoch: 2n,
      payload: '',
      viewNo: 2,
    }
    const term = b.member.partitionEpoch(home.partition)
    b.member.handlePeerMessage('n99', { ...transfer, kind: 'transfer', term }, lab.now)
    assert.deepEqual(kinds(b), [])
  })
})

describe('residents: the end', () => {
  it('of the member ends everything under way', () => {
    const { lab, a, b } = pair()
    const epoch = a.member.nextGrantEpoch(0)
    a.member.residents.move({ ...home, epoch }, idOf(b), lab.now)
    lab.engine.revoke(idOf(a))
    lab.run()
    assert.deepEqual(kinds(a), [])
    a.member.residents.sealed(home.key, 'payload', lab.now)
    assert.deepEqual(kinds(a), [])
  })
})
