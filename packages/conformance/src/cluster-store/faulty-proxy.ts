/**
 * A wire that breaks on demand: stands between a client and an engine, and passes bytes on until it is told otherwise.
 *
 * | mode | new connections | client → engine | engine → client |
 * | --- | --- | --- | --- |
 * | whole | are passed on | passes | passes |
 * | cut | are refused, as by a machine on which nothing listens; those that stood are reset | – | – |
 * | deaf | are passed on | passes | is lost |
 *
 * Healing resets what stood while it was deaf: a stream with a hole in it is no stream.
 */
import { connect, createServer } from 'node:net'
import type { ListenOptions, NetConnectOpts, Server, Socket } from 'node:net'

/** Where a {@link FaultyProxy} stands. */
export interface FaultyProxyOptions {
  /** A path, or a port of this machine; port 0 finds a free one. */
  readonly listenOn: ListenOptions
  readonly connectTo: NetConnectOpts
}

type Mode = 'whole' | 'cut' | 'deaf'

/** Starts a proxy. */
export async function openFaultyProxy(options: FaultyProxyOptions): Promise<FaultyProxy> {
  const proxy = new FaultyProxy(options)
  await proxy.heal()
  return proxy
}

/** Made by {@link openFaultyProxy}. */
export class FaultyProxy {
  readonly #connectTo: NetConnectOpts
  #listenOn: ListenOptions
  #server: Server | undefined
  #mode: Mode = 'cut'
  readonly #sockets = new Set<Socket>()

  constructor(options: FaultyProxyOptions) {
    this.#listenOn = options.listenOn
    this.#connectTo = options.connectTo
  }

  /** The port it listens on, the same after each healing. */
  get port(): number {
    return this.#listenOn.port ?? 0
  }

  /** From now on nothing listens here. */
  async cut(): Promise<void> {
    this.#mode = 'cut'
    const server = this.#server
    this.#server = undefined
    const closed = server && new Promise((resolve) => server.close(resolve))
    this.#reset()
    await closed
  }

  /** From now on requests arrive, and answers do not. */
  async loseReplies(): Promise<void> {
    this.#mode = 'deaf'
  }

  async heal(): Promise<void> {
    if (this.#mode === 'deaf') this.#reset()
    this.#mode = 'whole'
    if (this.#server === undefined) await this.#listen()
  }

  async close(): Promise<void> {
    await this.cut()
  }

  #listen(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket))
    this.#server = server
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#listenOn, () => {
        const address = server.address()
        if (typeof address === 'object' && address !== null) {
          this.#listenOn = { ...this.#listenOn, port: address.port }
        }
        resolve()
      })
    })
  }

  #accept(client: Socket): void {
    const engine = connect(this.#connectTo)
    this.#join(client, engine)
    client.on('data', (chunk) => engine.write(chunk))
    engine.on('data', (chunk) => {
      if (this.#mode !== 'deaf') client.write(chunk)
    })
  }

  #join(client: Socket, engine: Socket): void {
    for (const [socket, other] of [
      [client, engine],
      [engine, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      // How one half ended is how the other ends.
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
  }

  #reset(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
