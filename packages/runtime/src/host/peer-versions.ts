/** Which versions of the messages between nodes this program speaks. */
import type { Versions } from '@epicserver/net'

/** The newest is what it writes to others of its age; the oldest is that of the program before, so that both run side by side. */
export const PEER_VERSIONS: Versions = { newest: 1, oldest: 1 }
