/**
 * Numbers in the place of names on a link: an entity that is called through it is introduced once, and from then on a call names it
 * by a number. That saves both sides the strings, and the called one the search for the entity.
 *
 * A number belongs to one lane of one channel: a lane keeps its order, so an introduction arrives before what relies on it, and a new
 * channel begins with none. The sender has a ring of places; when it is full the oldest goes to another entity, which the next
 * introduction says. So both sides hold a bounded table. Few introductions stand in one batch: who calls ever new entities pays
 * next to nothing for them, and those that are called often have their numbers soon.
 *
 * Not for what may be lost on its way, with its introduction.
 */
import { partitionOf } from '@epicserver/contracts'
import type { Reader, Writer } from '@epicserver/wire'
import {
  descriptionOf,
  idBehind,
  placeOnLinksOf,
  setPlaceOnLinks,
  type RefObject,
  type RefTable,
} from '../model/ref.ts'
import { PEER_LANES, type PeerLane } from './peer-network.ts'

/** Entities that have a number on a link: two megabytes at either end when all are taken. */
export const PLACES = 16_384
/** So many a table has room for at first: most links know few entities. */
const PLACES_AT_FIRST = 64
const PER_BATCH = 16

/** The entity is called by its name. */
export const NO_NUMBER = -1

const LANE_INDEX = Object.fromEntries(PEER_LANES.map((lane, index) => [lane, index])) as Readonly<
  Record<PeerLane, number>
>

/** The numbers that this side of a channel has given out. */
export class Introductions {
  readonly #holders: RefObject[] = []
  /** The lanes on which the holder of a place was introduced, a bit each. */
  #lanes = new Uint8Array(PLACES_AT_FIRST)
  #next = 0
  #left = PER_BATCH

  /** The number by which the entity is called on this lane; introduces it there if need be. */
  numberOf(ref: RefObject, lane: PeerLane, writer: Writer): number {
    const index = LANE_INDEX[lane]
    const place = placeOnLinksOf(ref)
    const isHolder = place >= 0 && this.#holders[place] === ref
    if (isHolder && (this.#lanes[place]! & (1 << index)) !== 0) return numberFrom(place, index)
    if (this.#left === 0) return NO_NUMBER
    this.#left -= 1
    return this.#introduce(isHolder ? place : this.#takePlace(ref), index, writer)
  }

  /** A batch ends, and the next one may introduce others. */
  handleBatchEnd(): void {
    this.#left = PER_BATCH
  }

  /** A batch of this lane was thrown away, and with it introductions. */
  handleDropped(lane: PeerLane): void {
    const others = ~(1 << LANE_INDEX[lane])
    for (let place = 0; place < this.#lanes.length; place += 1) this.#lanes[place]! &= others
  }

  #takePlace(ref: RefObject): number {
    const place = this.#next
    this.#next = (place + 1) % PLACES
    if (place === this.#lanes.length) this.#grow()
    this.#holders[place] = ref
    this.#lanes[place] = 0
    setPlaceOnLinks(ref, place)
    return place
  }

  #grow(): void {
    const lanes = new Uint8Array(2 * this.#lanes.length)
    lanes.set(this.#lanes)
    this.#lanes = lanes
  }

  #introduce(place: number, index: number, writer: Writer): number {
    const ref = this.#holders[place]!
    this.#lanes[place]! |= 1 << index
    const number = numberFrom(place, index)
    writer.u8(INTRODUCTION)
    writer.varuint(number)
    writer.string(descriptionOf(ref).name)
    writer.string(idBehind(ref))
    return number
  }
}

/** Neighbours differ in the lane, so that the other side's table has few holes. */
function numberFrom(place: number, laneIndex: number): number {
  return place * PEER_LANES.length + laneIndex
}

/** The message that gives a number to an entity: number, type, id. */
export const INTRODUCTION = 6

/** An entity as a peer called it. */
export interface Target {
  readonly type: string
  readonly id: string
  readonly partition: number
  /** None where this node does not know the type. */
  readonly ref: RefObject | undefined
}

/** The entities that the other side of a channel has introduced. */
export class Acquaintances {
  readonly #refs: RefTable
  readonly #targets: (Target | undefined)[] = []

  constructor(refs: RefTable) {
    this.#refs = refs
  }

  /** Reads the fields of an introduction. */
  readIntroduction(reader: Reader): void {
    const number = reader.varuint()
    const target = this.readName(reader)
    if (number >= PLACES * PEER_LANES.length) reader.fail(`an introduction by the number ${number}`)
    else this.#targets[number] = target
  }

  /** Reads an entity by its number; fails the reader where nobody has it. */
  readNumber(reader: Reader): Target {
    const number = reader.varuint()
    const target = this.#targets[number]
    if (target !== undefined) return target
    reader.fail(`a call to number ${number}, which nobody has`)
    return NOBODY
  }

  /** Reads an entity by its name. */
  readName(reader: Reader): Target {
    const type = reader.name()
    const id = reader.string()
    return { type, id, partition: partitionOf(type, id), ref: this.#refs.get(type, id) }
  }
}

const NOBODY: Target = { type: '', id: '', partition: 0, ref: undefined }
