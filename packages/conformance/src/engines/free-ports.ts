/** Ports of this machine on which nobody listens. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/**
 * Below where systems take the ports of outgoing connections, so that none of these becomes one by chance between looking and using;
 * above those of well-known services.
 */
const FIRST = 10_240
const LAST = 31_999

/**
 * Finds ports in a row that are free on all addresses. Someone may take one before it is used: who starts a server looks at
 * whether it stands.
 */
export async function findFreePorts(count: number): Promise<number[]> {
  for (;;) {
    const first = FIRST + Math.floor(Math.random() * (LAST - FIRST - count))
    const ports = Array.from({ length: count }, (_, i) => first + i)
    if (await areFree(ports)) return ports
  }
}

async function areFree(ports: readonly number[]): Promise<boolean> {
  const servers = await Promise.all(ports.map(listen))
  const open = servers.filter((server) => server !== undefined)
  await Promise.all(open.map((server) => once(server.close(), 'close')))
  return open.length === ports.length
}

/** @returns nothing when somebody listens there already */
async function listen(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port)
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
    throw error
  }
}
