import { Protocols } from './protocol.ts'
import { jsonProtocol } from './protocols/json.ts'
import { msgpackProtocol } from './protocols/msgpack.ts'
import { rawProtocol } from './protocols/raw.ts'

/** The protocols that pipes find by name: `msgpack`, `json`, `raw`, and what the program adds. */
export const protocols: Protocols = new Protocols()
protocols.add('msgpack', msgpackProtocol)
protocols.add('json', jsonProtocol)
protocols.add('raw', rawProtocol)
