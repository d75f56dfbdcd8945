/**
 * The states of a channel, as a table.
 *
 * Closing takes both sides. Who closes first sends what it still has, then says so (CLOSE); the other processes all that
 * arrived, sends what it still has, says CLOSE too, and both end the connection. So a message sent before `close()` is
 * processed by the other side, and so is the answer to it. A connection that ends in any other way was torn.
 *
 * | state | means | asked | flushed | told | ended | torn |
 * | --- | --- | --- | --- | --- | --- | --- |
 * | open | messages may be sent | closing | – | answering | destroyed | destroyed |
 * | closing | we send what we still have | closing | lingering | answering | destroyed | destroyed |
 * | lingering | our CLOSE is out; theirs is awaited | lingering | – | ending | destroyed | destroyed |
 * | answering | their CLOSE came; we process and send the rest | answering | ending | – | destroyed | destroyed |
 * | ending | both said CLOSE | ending | – | – | closed | closed |
 * | closed | done, nothing lost | closed | – | – | closed | closed |
 * | destroyed | torn; what was under way is lost | destroyed | – | – | destroyed | destroyed |
 *
 * `asked`: `close()` was called. `flushed`: our CLOSE was written, after everything else. `told`: their CLOSE arrived.
 * `ended`: the connection ended. `torn`: `destroy()`, a broken protocol, a silent peer, or time ran out.
 */

/** What a channel is doing. */
export type ChannelState =
  | 'open'
  | 'closing'
  | 'lingering'
  | 'answering'
  | 'ending'
  | 'closed'
  | 'destroyed'

/** What happens to a channel. */
export type ChannelEvent = 'asked' | 'flushed' | 'told' | 'ended' | 'torn'

/** The whole machine; what is missing must not happen (`told` there means that the other side breaks the protocol). */
export const CHANNEL_TRANSITIONS: Readonly<
  Record<ChannelState, Readonly<Partial<Record<ChannelEvent, ChannelState>>>>
> = {
  open: { asked: 'closing', told: 'answering', ended: 'destroyed', torn: 'destroyed' },
  closing: {
    asked: 'closing',
    flushed: 'lingering',
    told: 'answering',
    ended: 'destroyed',
    torn: 'destroyed',
  },
  lingering: { asked: 'lingering', told: 'ending', ended: 'destroyed', torn: 'destroyed' },
  answering: { asked: 'answering', flushed: 'ending', ended: 'destroyed', torn: 'destroyed' },
  ending: { asked: 'ending', ended: 'closed', torn: 'closed' },
  closed: { asked: 'closed', ended: 'closed', torn: 'closed' },
  destroyed: { asked: 'destroyed', ended: 'destroyed', torn: 'destroyed' },
}

/** Whether nothing will happen any more. */
export function isOver(state: ChannelState): boolean {
  return state === 'closed' || state === 'destroyed'
}
