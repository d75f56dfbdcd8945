/**
 * Messages of DNS as far as service discovery needs them (RFC 1035, 6762, 6763): questions, and records of the five types that
 * describe a service. Records of other types are read over.
 */
import { DnsReader, DnsWriter } from './dns-bytes.ts'
import { bytesFromIp, ipFromBytes } from './ip-bytes.ts'
import { PACKET_BYTES_MAX, PACKET_ENTRIES_MAX } from './limits.ts'

/** The numbers of the types. */
export const DNS_TYPES = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 } as const

export interface DnsQuestion {
  readonly name: string
  readonly type: number
}

interface Named {
  readonly name: string
  /** Seconds; 0 says that it is over. */
  readonly ttl: number
}

export type DnsRecord =
  | (Named & { readonly type: 'PTR'; readonly target: string })
  | (Named & { readonly type: 'SRV'; readonly port: number; readonly target: string })
  | (Named & { readonly type: 'TXT'; readonly entries: ReadonlyMap<string, string> })
  | (Named & { readonly type: 'A' | 'AAAA'; readonly address: string })

export interface DnsMessage {
  readonly isResponse: boolean
  readonly questions: readonly DnsQuestion[]
  readonly records: readonly DnsRecord[]
}

const RESPONSE_FLAGS = 0x8400
const RESPONSE_BIT = 0x8000
const CLASS_IN = 1
/** In a response: forget what else was said of this name and type. */
const CACHE_FLUSH = 0x8000
const CLASS_MASK = 0x7fff

/** The message in these bytes, or `undefined`. */
export function decodeDnsMessage(bytes: Uint8Array): DnsMessage | undefined {
  if (bytes.length > PACKET_BYTES_MAX) return undefined
  const reader = new DnsReader(bytes)
  reader.u16()
  const isResponse = (reader.u16() & RESPONSE_BIT) !== 0
  const questionCount = reader.u16()
  const recordCount = reader.u16() + reader.u16() + reader.u16()
  if (reader.failed || questionCount + recordCount > PACKET_ENTRIES_MAX) return undefined
  const questions: DnsQuestion[] = []
  for (let i = 0; i < questionCount && !reader.failed; i += 1) {
    questions.push({ name: reader.name(), type: reader.u16() })
    reader.u16()
  }
  const records: DnsRecord[] = []
  for (let i = 0; i < recordCount && !reader.failed; i += 1) {
    const record = readRecord(reader)
    if (record !== undefined) records.push(record)
  }
  return reader.failed ? undefined : { isResponse, questions, records }
}

export function encodeDnsMessage({ isResponse, questions, records }: DnsMessage): Uint8Array {
  const writer = new DnsWriter()
  writer.u16(0)
  writer.u16(isResponse ? RESPONSE_FLAGS : 0)
  writer.u16(questions.length)
  writer.u16(records.length)
  writer.u16(0)
  writer.u16(0)
  for (const { name, type } of questions) {
    writer.name(name)
    writer.u16(type)
    writer.u16(CLASS_IN)
  }
  for (const record of records) writeRecord(writer, record)
  return writer.take()
}

function readRecord(reader: DnsReader): DnsRecord | undefined {
  const name = reader.name()
  const type = reader.u16()
  const isInternet = (reader.u16() & CLASS_MASK) === CLASS_IN
  const ttl = reader.u32()
  const length = reader.u16()
  const end = reader.at + length
  const record = isInternet ? readBody(reader, { name, ttl, type, length }) : undefined
  // A name inside may be longer than its record says; then the record is none.
  reader.skipTo(end)
  return reader.failed ? undefined : record
}

interface RecordHead extends Named {
  readonly type: number
  readonly length: number
}

function readBody(
  reader: DnsReader,
  { name, ttl, type, length }: RecordHead,
): DnsRecord | undefined {
  switch (type) {
    case DNS_TYPES.PTR:
      return { type: 'PTR', name, ttl, target: reader.name() }
    case DNS_TYPES.SRV: {
      reader.u32()
      const port = reader.u16()
      return { type: 'SRV', name, ttl, port, target: reader.name() }
    }
    case DNS_TYPES.TXT:
      return { type: 'TXT', name, ttl, entries: readEntries(reader, reader.at + length) }
    case DNS_TYPES.A:
      return length === 4
        ? { type: 'A', name, ttl, address: ipFromBytes(reader.bytes(4)) }
        : undefined
    case DNS_TYPES.AAAA:
      return length === 16
        ? { type: 'AAAA', name, ttl, address: ipFromBytes(reader.bytes(16)) }
        : undefined
    default:
      return undefined
  }
}

/** The first of several entries of one name counts. */
function readEntries(reader: DnsReader, end: number): Map<string, string> {
  const entries = new Map<string, string>()
  while (reader.at < end && !reader.failed) {
    const text = new TextDecoder().decode(reader.bytes(reader.u8()))
    const equals = text.indexOf('=')
    const key = equals < 0 ? text : text.slice(0, equals)
    if (!entries.has(key)) entries.set(key, equals < 0 ? '' : text.slice(equals + 1))
  }
  return entries
}

function writeRecord(writer: DnsWriter, record: DnsRecord): void {
  writer.name(record.name)
  writer.u16(DNS_TYPES[record.type])
  // Others may have services of the type of a PTR too; all else is ours alone.
  writer.u16(record.type === 'PTR' ? CLASS_IN : CLASS_IN | CACHE_FLUSH)
  writer.u32(record.ttl)
  writer.sized(() => writeBody(writer, record))
}

function writeBody(writer: DnsWriter, record: DnsRecord): void {
  switch (record.type) {
    case 'PTR':
      writer.name(record.target)
      break
    case 'SRV':
      writer.u32(0)
      writer.u16(record.port)
      writer.name(record.target)
      break
    case 'TXT':
      for (const [key, value] of record.entries) {
        const bytes = new TextEncoder().encode(`${key}=${value}`)
        writer.u8(bytes.length)
        writer.bytes(bytes)
      }
      break
    case 'A':
    case 'AAAA':
      writer.bytes(bytesFromIp(record.address) ?? new Uint8Array(0))
      break
  }
}
