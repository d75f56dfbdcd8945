/** How busy a node is, in what is scarce: processor time, memory, messages. Counts of entities alone say little. */

/** What a node measured over its last while. */
export interface Load {
  /** Of one core, so that 2 means two cores at full. */
  readonly cpu: number
  /** Memory that its entities take. */
  readonly bytes: number
  /** Messages in and out, a second. */
  readonly messages: number
  readonly entities: number
}

/** A load of nothing. */
export const NO_LOAD: Load = { cpu: 0, bytes: 0, messages: 0, entities: 0 }

/** What a load is measured against: the amounts at which a node counts as full in one respect. */
export interface Capacity {
  readonly cpu: number
  readonly bytes: number
  readonly messages: number
}

/** One core, a gigabyte of entities, and half of what two processes exchange at most. */
export const DEFAULT_CAPACITY: Capacity = { cpu: 1, bytes: 1024 ** 3, messages: 250_000 }

/**
 * A node up to this score is well, however idle others are: nobody relieves it, and up to a little below it may take those who want to
 * be beside their partners. Both planners go by this bound, or one would send away what the other has fetched.
 */
export const WELL_SCORE = 0.3

/**
 * One number for a load: 1 is a node that is full in one respect. The scarcest thing counts, with a little of the others, so
 * that of two nodes with equal processor time the one with less memory in use is the less loaded.
 */
export function loadScore(load: Load, capacity: Capacity = DEFAULT_CAPACITY): number {
  const parts = [
    load.cpu / capacity.cpu,
    load.bytes / capacity.bytes,
    load.messages / capacity.messages,
  ]
  const sum = parts.reduce((total, part) => total + part, 0)
  return 0.8 * Math.max(...parts) + (0.2 * sum) / parts.length
}

/** Two loads together. */
export function addLoads(a: Load, b: Load): Load {
  return {
    cpu: a.cpu + b.cpu,
    bytes: a.bytes + b.bytes,
    messages: a.messages + b.messages,
    entities: a.entities + b.entities,
  }
}

/** What is left of a load when a part of it goes. */
export function subtractLoad(a: Load, b: Load): Load {
  return {
    cpu: Math.max(0, a.cpu - b.cpu),
    bytes: Math.max(0, a.bytes - b.bytes),
    messages: Math.max(0, a.messages - b.messages),
    entities: Math.max(0, a.entities - b.entities),
  }
}
