/** Three people in a room, one of whom only wants to hear what is meant for her. */
import { defineApp } from 'epicserver'
import { Person } from './person.ts'

export default defineApp({
  entities: { Person },
  async setup(pool) {
    const { ann, bob, cat } = pool.Person
    await Promise.all([ann.enter('lobby'), bob.enter('lobby'), cat.lurk('lobby')])
    await ann.say('lobby', 'hello, everyone')
    await bob.say('lobby', 'where is @cat?')
    // Delivery has no acknowledgement, so there is nothing to await but time.
    await new Promise((resolve) => setTimeout(resolve, 500))
    for (const [name, person] of Object.entries({ ann, bob, cat }))
      for (const line of await person.last()) console.log(`${name} hears in ${line}`)
  },
})
