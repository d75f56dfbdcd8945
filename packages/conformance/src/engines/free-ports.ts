/** Ports of this machine on which nobody listens. */
import { createServer } from 'node:net'

/** Finds free ports on loopback. Someone may take one before it is used: who starts a server looks at whether it stands. */
export async function findFreePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, openServer))
  const ports = servers.map(({ port }) => port)
  await Promise.all(servers.map((server) => server.close()))
  return ports
}

function openServer(): Promise<{ port: number; close(): Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      resolve({ port, close: () => new Promise((done) => server.close(() => done())) })
    })
  })
}
