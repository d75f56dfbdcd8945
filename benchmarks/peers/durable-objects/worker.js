// A Durable Object with a counter, and the worker in front of it. `durable-increment` is the counter
// of the Durable Objects documentation; the output gate holds the answer until the write is on disk.
//
// GET /<operation>/<target> calls one object. GET /local/<callers>/<calls each> lets callers inside
// the process call objects of their own and answers when all are done: a worker's clock stands still
// while it computes, so the time is taken outside.

import { DurableObject } from 'cloudflare:workers'

export class Counter extends DurableObject {
  #count = 0

  async increment(by) {
    this.#count += by
    return this.#count
  }

  async durableIncrement(by) {
    const count = ((await this.ctx.storage.get('count')) ?? 0) + by
    await this.ctx.storage.put('count', count)
    return count
  }
}

export default {
  async fetch(request, { COUNTER }) {
    const [, operation, first, second] = new URL(request.url).pathname.split('/')
    const objectOf = (target) => COUNTER.get(COUNTER.idFromName(String(target)))
    switch (operation) {
      case 'local':
        await callLocally(objectOf, Number(first), Number(second))
        return new Response('done')
      case 'increment':
        return new Response(String(await objectOf(first).increment(1)))
      case 'durable-increment':
        return new Response(String(await objectOf(first).durableIncrement(1)))
      default:
        return new Response(`There is no operation "${operation}"`, { status: 404 })
    }
  },
}

async function callLocally(objectOf, callers, callsEach) {
  const runCaller = async (caller) => {
    const object = objectOf(caller)
    for (let call = 0; call < callsEach; call += 1) await object.increment(1)
  }
  await Promise.all(Array.from({ length: callers }, (_, caller) => runCaller(caller)))
}
