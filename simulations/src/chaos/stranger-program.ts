/**
 * A stranger on a host of its own: says hostile bytes to addresses of other hosts, and prints what it sent as one line of JSON.
 *
 *     node stranger-program.js <seed> <frames> <host> <port> [<host> <port> …]
 */
import { SeededRandom } from '@epicserver/testkit'
import { HostileBytes, sayAll } from './hostile-bytes.ts'

const [seed, frames, ...places] = process.argv.slice(2)
const random = new SeededRandom(Number(seed))
const addresses = Array.from({ length: places.length / 2 }, (_, index) => ({
  host: places[2 * index] ?? '',
  port: Number(places[2 * index + 1]),
}))
const sent = await sayAll(new HostileBytes(random.fork()), random, addresses, Number(frames))
console.log(JSON.stringify(sent))
