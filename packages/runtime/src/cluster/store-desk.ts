/** Performs what a member asks of the cluster store, and brings each answer back. */
import { isEpicError, type ClusterStore } from '@epicserver/contracts'
import type { StoreEffect, StoreReply, WatchReport } from '@epicserver/fabric'

/** What asks and hears the answers. */
export interface StoreDeskClient {
  /** A lease was granted, before anybody can see it. */
  onLeased(nodeId: string): void
  onReply(reply: StoreReply): void
  onWatch(report: WatchReport): void
}

type Request = Exclude<StoreEffect, { kind: 'watch' | 'unwatch' }>

export class StoreDesk {
  readonly #store: ClusterStore
  readonly #client: StoreDeskClient
  readonly #watches = new Map<number, { close(): void }>()

  constructor(store: ClusterStore, client: StoreDeskClient) {
    this.#store = store
    this.#client = client
  }

  perform(effect: StoreEffect): void {
    if (effect.kind === 'watch') this.#watch(effect)
    else if (effect.kind === 'unwatch') this.#unwatch(effect.token)
    else void this.ask(effect).then((reply) => this.#client.onReply(reply))
  }

  /** Resolves with the answer, whatever it is. */
  async ask(effect: Request): Promise<StoreReply> {
    const { token } = effect
    try {
      switch (effect.kind) {
        case 'grant': {
          const lease = await this.#store.grant(effect.ttlMs)
          this.#client.onLeased(lease.id)
          return { kind: 'granted', token, ...lease }
        }
        case 'keepAlive':
          return { kind: 'renewed', token, ...(await this.#store.keepAlive(effect.lease)) }
        case 'revoke':
          await this.#store.revoke(effect.lease)
          return { kind: 'revoked', token }
        case 'list':
          return { kind: 'listed', token, ...(await this.#store.list(effect.prefix)) }
        case 'txn': {
          const { ok, rev } = await this.#store.txn(effect.txn)
          return { kind: 'committed', token, ok, rev }
        }
      }
    } catch (error) {
      return { kind: 'failed', token, code: isEpicError(error) ? error.code : 'Unknown' }
    }
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.close()
    this.#watches.clear()
  }

  #watch({ token, prefix, from }: StoreEffect & { readonly kind: 'watch' }): void {
    const watch = this.#store.watch(prefix, from, (events) =>
      this.#client.onWatch({ token, events }),
    )
    this.#watches.set(token, watch)
  }

  #unwatch(token: number): void {
    this.#watches.get(token)?.close()
    this.#watches.delete(token)
  }
}
