/** An authority in a process of its own, for tests that kill or freeze it. Arguments: folder, socket. Says `ready` when it is. */
import { openClusterAuthority } from '@epicserver/cluster-lmdb'

const [folder = '', socketPath = ''] = process.argv.slice(2)
await openClusterAuthority({ folder, socketPath })
process.send?.('ready')
process.on('disconnect', () => process.exit())
