/** Contracts: an entity named by an interface, with its class elsewhere. */
import type { OneWayName } from './ref.ts'

declare const shapeOfContract: unique symbol

/** The name of an entity type together with the interface that it fulfils. */
export interface Contract<I> {
  readonly name: string
  readonly oneWay: readonly string[]
  readonly [shapeOfContract]?: I
}

/** What a contract says beyond its interface: which operations are one-way. */
export type ContractOptions<I> = [OneWayName<I>] extends [never]
  ? { readonly oneWay?: readonly OneWayName<I>[] }
  : { readonly oneWay: readonly OneWayName<I>[] }

/**
 * Names an entity type by an interface, so that a caller need not import its class.
 * @example
 * interface IDeepPinger { ping(depth: number): Promise<number> }
 * const DeepPinger = contract<IDeepPinger>('DeepPinger')
 * const reply = await this.ref(DeepPinger, 'a').ping(3)
 */
export function contract<I>(
  name: string,
  ...options: [OneWayName<I>] extends [never] ? [ContractOptions<I>?] : [ContractOptions<I>]
): Contract<I> {
  return { name, oneWay: options[0]?.oneWay ?? [] }
}
