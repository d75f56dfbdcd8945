/** How the machines of a cluster find each other: IPv6 multicast with DNS-SD, seeds, DNS names. */
export { BeaconSeal } from './beacon.ts'
export type { Beacon, SealEntries, SealVerdict } from './beacon.ts'
export type { FinderCounts } from './beacon-finder.ts'
export { announceOnLan, findOnLan } from './lan.ts'
export type { AnnounceOptions, Announcement, FindOptions, Search } from './lan.ts'
export { parseMeetingPlaces, resolvePlace } from './meeting-place.ts'
export type { MeetingPlace } from './meeting-place.ts'
export type { MulticastCounts } from './multicast-socket.ts'
