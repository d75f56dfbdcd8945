/**
 * The authority of one machine: keeps the cluster's truth in LMDB and serves it to the machine's processes over a unix socket.
 *
 * It lives in the supervisor. One process writes, because whoever holds LMDB's write lock while frozen stalls every other writer;
 * the processes that may freeze only talk to a socket. The supervisor itself uses `connect()`, without the socket. When it saw a
 * child exit it revokes the child's lease: a certain death, for which nobody has to wait.
 *
 * When the supervisor dies its processes go on until their leases end, a fraction of a second to two. The one that is started in its
 * place opens the same folder; every lease has its whole time again, so none that lives is taken for dead.
 */
import { chmod, lstat, mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { EngineClient } from '@epicserver/cluster-memory'
import { EpicError } from '@epicserver/contracts'
import type { ClusterStore } from '@epicserver/contracts'
import { AuthorityConnection } from './authority-connection.ts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import { DurableCluster } from './durable-cluster.ts'
import { CONNECTIONS_MAX } from './limits.ts'
import { LmdbDisk } from './lmdb-disk.ts'
import { listenOnUnixSocket } from './unix-socket.ts'

const OWNER_ONLY = 0o700

/** What a {@link ClusterAuthority} is made of. */
export interface ClusterAuthorityOptions {
  /** Where the truth lies; made with mode 0700 when it is missing. */
  readonly folder: string
  /** Where the machine's processes connect; mode 0600. */
  readonly socketPath: string
  /** The machine's own unless given. */
  readonly clock?: Clock
  /** How much of the past is kept for watchers that come back. */
  readonly historyBytesMax?: number
}

/** What happened at the socket since the start. */
export interface AuthorityCounts {
  readonly connections: number
  /** Connections that were cut off for what came over them. */
  readonly broken: number
  /** Connections that found no place. */
  readonly refused: number
}

/**
 * Opens the truth in a folder and serves it.
 * @example
 * const authority = await openClusterAuthority({ folder: 'data/cluster', socketPath: 'data/cluster.sock' })
 * const store = authority.connect()
 * @throws EpicError `DataFolderInUse`, `DataFolderUnsafe`, `CorruptRecord`, `StoreNewer`, `StoreFull`, `StoreReadOnly`
 */
export async function openClusterAuthority(
  options: ClusterAuthorityOptions,
): Promise<ClusterAuthority> {
  await prepareFolder(options.folder)
  let authority: ClusterAuthority | undefined
  const server = createServer((socket) => {
    // Who comes before the disk is open is sent away and comes again at once.
    if (authority === undefined) socket.destroy()
    else authority.accept(socket)
  })
  // Before the disk is opened: who finds the socket taken must not take over the disk.
  await listenOnUnixSocket(server, options.socketPath)
  try {
    authority = new ClusterAuthority(server, options)
    return authority
  } catch (error) {
    server.close()
    throw error
  }
}

/** Made by {@link openClusterAuthority}. */
export class ClusterAuthority {
  /** Settles when another authority took over, or the disk is damaged: this one refuses everything from then on. */
  readonly lost: Promise<EpicError>
  readonly #server: Server
  readonly #clock: Clock
  readonly #storeId: string
  readonly #engine: DurableCluster
  readonly #connections = new Set<AuthorityConnection>()
  #broken = 0
  #refused = 0

  constructor(server: Server, options: ClusterAuthorityOptions) {
    const { clock = systemClock, historyBytesMax } = options
    const disk = LmdbDisk.open(options.folder)
    this.#server = server
    this.#clock = clock
    this.#storeId = disk.storeId
    this.#engine = new DurableCluster({
      disk,
      clock,
      ...(historyBytesMax === undefined ? {} : { historyBytesMax }),
    })
    this.lost = this.#engine.lost
  }

  get counts(): AuthorityCounts {
    return { connections: this.#connections.size, broken: this.#broken, refused: this.#refused }
  }

  /** A client in this process. */
  connect(): ClusterStore {
    return new EngineClient(this.#engine)
  }

  /** Forgets the past: watchers that are behind list again. */
  dropHistory(): Promise<void> {
    return this.#engine.dropHistory()
  }

  /** Finishes what is under way, hangs up and gives the folder free. Leases go on for whoever opens it next. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    await this.#engine.close()
    for (const connection of this.#connections) connection.close()
    await closed
  }

  /** Takes a process that has connected. */
  accept(socket: Socket): void {
    if (this.#connections.size >= CONNECTIONS_MAX) {
      this.#refused += 1
      socket.destroy()
      return
    }
    const connection = new AuthorityConnection({
      socket,
      engine: this.#engine,
      storeId: this.#storeId,
      clock: this.#clock,
      onEnd: (problem) => {
        this.#connections.delete(connection)
        if (problem !== undefined) this.#broken += 1
      },
    })
    this.#connections.add(connection)
  }
}

/** The folder holds the right to be any node, so nobody else may look into it. */
async function prepareFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: OWNER_ONLY })
  const found = await lstat(folder)
  const isForeign = process.getuid !== undefined && found.uid !== process.getuid()
  if (!found.isDirectory() || isForeign) {
    throw new EpicError(
      'DataFolderUnsafe',
      `Cannot keep the cluster's truth in "${folder}": it is a link, or another user's`,
    )
  }
  await chmod(folder, OWNER_ONLY)
}
