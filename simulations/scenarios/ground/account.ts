/**
 * Money that moves between entities: what all accounts hold together never changes.
 *
 * No transaction spans two entities, so a transfer is kept in the sender's state until the receiver has certainly had it: the same
 * write takes the money and notes the transfer; a durable task repeats what was interrupted; the receiver knows what it had.
 */
import { Entity, type Ref } from 'epicserver'

export const OPENING_BALANCE = 100

interface Transfer {
  readonly to: Ref<Account>
  readonly amount: number
}

export class Account extends Entity {
  balance = OPENING_BALANCE
  pending = new Map<string, Transfer>()
  received = new Set<string>()
  sent = 0

  async transfer(to: Ref<Account>, amount: number): Promise<boolean> {
    if (amount > this.balance || this.pending.size > 8) return false
    this.sent += 1
    this.balance -= amount
    this.pending.set(`${this.id}:${this.sent}`, { to, amount })
    this.task.set('settle', { operation: 'settle', everyMs: 1_000 })
    await this.settle()
    return true
  }

  async settle(): Promise<void> {
    for (const [transfer, { to, amount }] of [...this.pending]) {
      await to.deposit(transfer, amount)
      this.pending.delete(transfer)
    }
    if (this.pending.size === 0) this.task.cancel('settle')
  }

  async deposit(transfer: string, amount: number): Promise<void> {
    if (this.received.has(transfer)) return
    this.received.add(transfer)
    this.balance += amount
  }

  async read(): Promise<{ balance: number; pending: number }> {
    return { balance: this.balance, pending: this.pending.size }
  }
}
