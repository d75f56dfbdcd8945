/** Refs for scripts: values that name an entity, made before there is a node. They can be passed and compared, not called. */
import { EpicError } from '@epicserver/contracts'
import {
  EntityNode,
  SoloRouter,
  type Contract,
  type Entity,
  type EntityClass,
  type EntityCall,
  type Ref,
} from '@epicserver/runtime'
import { MemoryStateStore } from '@epicserver/store-memory'

/** Lives nowhere: a call through a ref of this node was made by the test itself. */
class Nowhere extends SoloRouter {
  override isHome(): boolean {
    return false
  }

  override send(call: EntityCall): void {
    call.reject(
      new EpicError(
        'Unavailable',
        `Cannot call "${call.ref.toString()}": a ref made by ref() only names an entity in a script`,
      ),
    )
  }
}

const nowhere = new EntityNode({
  nodeId: 'script',
  entities: {},
  mode: 'production',
  ports: {
    clock: {
      monotonicMs: () => 0,
      wallMs: () => 0,
      setTimer: () => ({ cancel: () => undefined }),
      yield: (run) => queueMicrotask(run),
      afterTurns: (run) => queueMicrotask(run),
    },
    random: () => 0,
    store: new MemoryStateStore(),
    router: new Nowhere(),
    files: { perform: () => Promise.reject(new Error('There are no files outside a script')) },
    log: () => undefined,
  },
})

/** The classes that refs were made to, by the names of their types. */
export function knownClasses(): ReadonlyMap<string, EntityClass> {
  return new Map([...nowhere.descriptions].map(([name, { entityClass }]) => [name, entityClass]))
}

/**
 * Names an entity, to be passed to a script or expected of it.
 * @example
 * const barrel = ref(Barrel, 1)
 * await player.call('enterLevel', [barrel]).expectCall(barrel, 'onHit').reply(true)
 */
export function ref<E>(target: EntityClass<E & Entity> | Contract<E>, id: string | number): Ref<E> {
  if (typeof target === 'function') learn(nowhere, target)
  return nowhere.ref(target, id)
}

/** Makes refs to a class possible at a node that does not have it in its app. */
export function learn(node: EntityNode, entityClass: EntityClass): void {
  const known = [...node.descriptions.values()].some(
    (description) => description.entityClass === entityClass,
  )
  if (!known) node.know(entityClass.name, entityClass)
}
