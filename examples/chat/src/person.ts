/** Someone who chats: enters rooms, speaks there, and remembers what was heard last. */
import { Entity, settings } from 'epicserver'

/** What is said in a room. */
export interface Message {
  readonly from: string
  readonly text: string
  /** Who is meant: every word of the text after an `@`. */
  readonly mentions: readonly string[]
}

const REMEMBERED = 50

export class Person extends Entity {
  static override settings = settings<Person>({
    operations: { hear: { oneWay: true }, say: { atomic: true } },
  })
  heard: string[] = []
  rooms: string[] = []

  /** Hears everything that is said in a room from now on. */
  async enter(room: string): Promise<void> {
    await this.topic<Message>(`chat:${room}`).subscribe('hear')
    this.#note(room)
  }

  /** Hears only what is meant for oneself. */
  async lurk(room: string): Promise<void> {
    await this.topic<Message>(`chat:${room}`).subscribe('hear', (message) =>
      message.mentions.contains(this.id),
    )
    this.#note(room)
  }

  async leave(room: string): Promise<void> {
    await this.topic(`chat:${room}`).unsubscribe()
    this.rooms = this.rooms.filter((each) => each !== room)
  }

  /** What throws is not said: the operation is atomic. */
  async say(room: string, text: string): Promise<void> {
    const mentions = [...text.matchAll(/@(\w+)/g)].map(([, name]) => name)
    this.topic<Message>(`chat:${room}`).publish({ from: this.id, text, mentions })
    if (!this.rooms.includes(room)) throw new Error(`${this.id} is not in ${room}`)
  }

  hear({ from, text }: Message, topic: string): void {
    const line = `${topic.slice('chat:'.length)} ${from}: ${text}`
    this.heard = [...this.heard, line].slice(-REMEMBERED)
  }

  async last(): Promise<readonly string[]> {
    return [...this.heard]
  }

  #note(room: string): void {
    if (!this.rooms.includes(room)) this.rooms = [...this.rooms, room]
  }
}
