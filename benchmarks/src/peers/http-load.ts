// The probe that loads a peer over HTTP: one request a call, on connections that are kept open.
// Takes the origin, the method and, for each operation, a path in which ":target" is replaced.

import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { runClosedLoop } from '../closed-loop.ts'
import { serveProbe } from '../serve-probe.ts'

const [, , origin, method, paths] = process.argv
assert(origin !== undefined && method !== undefined && paths !== undefined, 'Arguments are missing')

const { hostname, port } = new URL(origin)
const pathOf = JSON.parse(paths) as Readonly<Record<string, string>>
const body = method === 'GET' ? '' : '1'
const headers = { 'content-type': 'application/json', 'content-length': body.length }
const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })

function call(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, agent, headers }, (response) => {
      const { statusCode = 0 } = response
      response.resume()
      response.on('error', reject)
      response.on('end', () => {
        if (statusCode === 200) resolve()
        else reject(new Error(`${method} ${path} was answered with ${statusCode}`))
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

serveProbe((load) => {
  const path = pathOf[load.operation]
  if (path === undefined) return Promise.reject(new Error(`No path for "${load.operation}"`))
  return runClosedLoop((target) => call(path.replace(':target', String(target))), load)
})
