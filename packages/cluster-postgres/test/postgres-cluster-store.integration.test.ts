import {
  describeClusterStore,
  findPostgres,
  openFaultyProxy,
  startPostgres,
} from '@epicserver/conformance'
import type { ClusterStoreHarness, FaultyClient } from '@epicserver/conformance'
import { PostgresClusterStore } from '@epicserver/cluster-postgres'
import postgres from 'postgres'

const found = await findPostgres()
const schema = 'conformance'

async function open(): Promise<ClusterStoreHarness> {
  const server = await startPostgres({ programs: found.programs ?? '' })
  const { address } = server
  return {
    connect: async () => new PostgresClusterStore({ address, schema }),
    now: () => performance.now(),
    dropHistory: () => dropHistory(address),
    connectFaulty: () => connectFaulty(server.port),
    restart: async () => {
      await server.kill()
      await server.start()
    },
    close: () => server.stop(),
  }
}

async function dropHistory(address: string): Promise<void> {
  const sql = postgres(address, { max: 1 })
  await sql.begin(async (transaction) => {
    await transaction`SELECT 1 FROM ${transaction(schema)}.head FOR UPDATE`
    await transaction`DELETE FROM ${transaction(schema)}.change`
    await transaction`UPDATE ${transaction(schema)}.head SET floor = rev`
  })
  await sql.end()
}

async function connectFaulty(port: number): Promise<FaultyClient> {
  const proxy = await openFaultyProxy({
    listenOn: { port: 0, host: '127.0.0.1' },
    connectTo: { port, host: '127.0.0.1' },
  })
  const store = new PostgresClusterStore({
    address: `postgres://postgres@127.0.0.1:${proxy.port}/postgres`,
    schema,
    requestMs: 800,
  })
  await store.list('')
  const close = store.close.bind(store)
  store.close = async () => {
    await close()
    await proxy.close()
  }
  return {
    store,
    cut: () => proxy.cut(),
    loseReplies: () => proxy.loseReplies(),
    heal: () => proxy.heal(),
  }
}

describeClusterStore('PostgresClusterStore', open, { clock: 'real', skip: found.missing })
