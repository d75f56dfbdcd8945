/**
 * The class that entities extend.
 *
 * An entity is a plain object: its fields are its state, its async methods are its operations. All that it asks of the world it
 * asks through `this`: other entities, time, timers, durable tasks, files, the log. None of that is I/O done here; each request
 * goes to the node that hosts the entity, which makes entities testable without mocks.
 *
 * An entity is made by its node only: the node says which activation is being constructed, and the constructor takes it.
 */
import type { Activation, DeactivationReason } from '@epicserver/kernel'
import type { Contract } from './contract.ts'
import type { EntityFiles } from '../syscalls/files.ts'
import type { Log } from '../log.ts'
import type { PoolMethods } from './pool.ts'
import type { Ref } from './ref.ts'
import type { EntitySettings } from './settings.ts'
import { CompletionPort, type Submit } from '../syscalls/syscalls.ts'
import type { EntityTasks, TaskSettings } from '../tasks/tasks.ts'
import type { Topic } from '../topics/topic.ts'
import type { EntityTimers, TimerSettings } from '../node/entity-timers.ts'

/** A class of entities: what may stand in `defineApp({ entities })`. */
export interface EntityClass<E extends Entity = Entity> {
  new (): E
  readonly prototype: E
  readonly settings: EntitySettings
}

/** What an entity needs of the node that hosts it. */
export interface EntityHost {
  readonly pool: PoolMethods
  ref<E>(target: EntityClass<E & Entity> | Contract<E>, id: string | number): Ref<E>
  save(activation: Activation): Promise<void>
  forget(activation: Activation): Promise<void>
  readonly submit: Submit
  setTimer(activation: Activation, key: string, timer: TimerSettings): void
  cancelTimer(activation: Activation, key: string): boolean
  setTask(activation: Activation, key: string, task: TaskSettings): void
  cancelTask(activation: Activation, key: string): void
  topic<M>(activation: Activation, name: string): Topic<M>
  readonly files: EntityFiles
  log(activation: Activation): Log
  wallMs(): number
  random(): number
}

let constructing: { readonly activation: Activation; readonly host: EntityHost } | undefined

/** Makes the object of an activation. */
export function constructEntity(
  entityClass: EntityClass,
  activation: Activation,
  host: EntityHost,
): Entity {
  constructing = { activation, host }
  try {
    return new entityClass()
  } finally {
    constructing = undefined
  }
}

/**
 * Base of all entities.
 * @example
 * class Counter extends Entity {
 *   count = 0
 *   async increment() { return ++this.count }
 * }
 */
export abstract class Entity {
  /** The description of the class; override it with `settings<YourClass>({ … })`. */
  static readonly settings: EntitySettings = { given: {} }

  readonly #activation: Activation
  readonly #host: EntityHost

  constructor() {
    if (constructing === undefined) {
      throw new TypeError(
        `${new.target.name} is an entity: call it through pool.${new.target.name}[id] or this.ref(${new.target.name}, id), not with new`,
      )
    }
    this.#activation = constructing.activation
    this.#host = constructing.host
    constructing = undefined
  }

  /** The id under which this entity is called; `this.ref(MyClass, this.id)` is a ref to it. */
  get id(): string {
    return this.#activation.id
  }

  /** What concerns whole classes: create, query, singleton. */
  get pool(): PoolMethods {
    return this.#host.pool
  }

  /** In-memory timers of this entity; they move with it. */
  get timer(): EntityTimers {
    const [activation, host] = [this.#activation, this.#host]
    return {
      set: (key, operation, timer) => host.setTimer(activation, key, { ...timer, operation }),
      once: (key, operation, delayMs, args) =>
        host.setTimer(activation, key, { operation, delayMs, ...(args && { args }) }),
      cancel: (key) => host.cancelTimer(activation, key),
    }
  }

  /** Durable tasks of this entity; they wake it wherever it lives. */
  get task(): EntityTasks {
    const [activation, host] = [this.#activation, this.#host]
    return {
      set: (key, task) => host.setTask(activation, key, task),
      cancel: (key) => host.cancelTask(activation, key),
    }
  }

  /** One to many: publishes to all who are subscribed, and subscribes this entity. */
  topic<M = unknown>(name: string): Topic<M> {
    return this.#host.topic<M>(this.#activation, name)
  }

  /** Files below the app's data folder. */
  get files(): EntityFiles {
    return this.#host.files
  }

  /** A log whose lines carry this entity's name. */
  get log(): Log {
    return this.#host.log(this.#activation)
  }

  /** The ref to another entity, by its class or contract. */
  ref<E>(target: EntityClass<E & Entity> | Contract<E>, id: string | number): Ref<E> {
    return this.#host.ref(target, id)
  }

  /** Resolves when all fields are durable as they are now. */
  save(): Promise<void> {
    return this.#host.save(this.#activation)
  }

  /** Deletes this entity with its saved state and tasks, once the running operation has ended. */
  forget(): Promise<void> {
    return this.#host.forget(this.#activation)
  }

  /** Waits; other calls of this entity go on meanwhile. */
  sleep(ms: number): Promise<void> {
    return this.#host.submit({ kind: 'sleep', ms }).promise
  }

  /** Gathers requests and hands them out in the order in which they complete. */
  completionPort<K>(): CompletionPort<K> {
    return new CompletionPort<K>(this.#host.submit)
  }

  /** The wall-clock time in milliseconds, as the node knows it. */
  now(): number {
    return this.#host.wallMs()
  }

  /** A random number from 0 (included) to 1 (excluded). */
  random(): number {
    return this.#host.random()
  }
}

/** The hooks that a class may have; they are not operations. */
export interface EntityLifecycle {
  onActivate?(): void | Promise<void>
  onDeactivate?(reason: DeactivationReason): void | Promise<void>
  /** The entity is about to leave for another node; without it `onDeactivate` is called. */
  onMoveOut?(): void | Promise<void>
  /**
   * The entity has come from another node, with its saved fields and its timers, or stays although `onMoveOut` was called;
   * without it `onActivate` is called.
   */
  onMoveIn?(): void | Promise<void>
}
