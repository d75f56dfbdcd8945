/** Numbered messages between entities, one-way and awaited: none may overtake another, and none may come twice. */
import { Entity, settings, type Ref } from 'epicserver'

export class Recipient extends Entity {
  static override settings = settings<Recipient>({
    operations: { note: { oneWay: true } },
  })

  /** The last number of each sender. */
  last = new Map<string, number>()
  broken: string[] = []

  note(from: string, number: number): void {
    const last = this.last.get(from) ?? 0
    if (number <= last) this.broken.push(`${number} of ${from} came after ${last}`)
    this.last.set(from, number)
  }

  async take(from: string, number: number): Promise<void> {
    this.note(from, number)
  }

  async read(): Promise<readonly string[]> {
    return [...this.broken]
  }
}

export class Courier extends Entity {
  /** How many messages were sent to each recipient. */
  sent = new Map<string, number>()

  async carry(to: Ref<Recipient>, name: string, count: number): Promise<void> {
    const answers: Promise<void>[] = []
    for (let i = 0; i < count; i += 1) {
      const number = (this.sent.get(name) ?? 0) + 1
      this.sent.set(name, number)
      if (i % 3 === 2) answers.push(to.take(this.id, number))
      else to.note(this.id, number)
    }
    await Promise.all(answers)
  }
}
