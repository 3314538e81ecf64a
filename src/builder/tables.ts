/** DECNET's tables. @see FLEET_BUILDER.md, section 6 */

interface Archetype {
  readonly services: readonly string[];
  readonly distros: readonly string[];
  readonly nmapOs: string;
}

const archetype = (services: string, distros: string, nmapOs: string): Archetype => ({
  services: services.split(' '),
  distros: distros.split(' '),
  nmapOs,
});

export const archetypes: ReadonlyMap<string, Archetype> = new Map([
  ['windows-workstation', archetype('smb rdp', 'debian ubuntu22', 'windows')],
  ['windows-server', archetype('smb rdp ldap', 'debian ubuntu22', 'windows_server')],
  ['domain-controller', archetype('ldap smb rdp llmnr', 'debian ubuntu22', 'windows_server')],
  ['linux-server', archetype('ssh http', 'debian ubuntu22 rocky9 fedora', 'linux')],
  ['web-server', archetype('http ftp', 'debian ubuntu22 ubuntu20', 'linux')],
  ['database-server', archetype('mysql postgres redis', 'debian ubuntu22', 'linux')],
  ['mail-server', archetype('smtp pop3 imap', 'debian ubuntu22', 'linux')],
  ['file-server', archetype('smb ftp ssh', 'debian ubuntu22 rocky9', 'linux')],
  ['printer', archetype('snmp ftp', 'alpine debian', 'embedded')],
  ['iot-device', archetype('mqtt snmp telnet', 'alpine', 'embedded')],
  ['industrial-control', archetype('conpot snmp', 'debian', 'embedded')],
  ['voip-server', archetype('sip', 'debian ubuntu22', 'linux')],
  ['monitoring-node', archetype('snmp ssh', 'debian rocky9', 'linux')],
  ['devops-host', archetype('docker_api ssh k8s', 'ubuntu22 debian', 'linux')],
  ['deaddeck', archetype('ssh', 'debian ubuntu22', 'linux')],
]);

export interface Distro {
  readonly image: string;
  /** The base image of the services: the distro's image or debian's. */
  readonly buildBase: string;
  /** Makes the host name of a decky from a word and a number, or from two words. */
  readonly hostname: (
    word: string,
    second: { readonly number: () => number; readonly word: () => string },
  ) => string;
}

const hostnames = {
  generic: (word, second) => `SRV-${word.toUpperCase()}-${second.number()}`,
  rhel: (word, second) => `${word}${second.number()}.localdomain`,
  minimal: (word, second) => `${word}-${second.number()}`,
  rolling: (word, second) => `${word}-${second.word()}`,
} satisfies Readonly<Record<string, Distro['hostname']>>;

const debian = 'debian:bookworm-slim@sha256:f9c6a2fd2ddbc23e336b6257a5245e31f996953ef06cd13a59fa0a1df2d5c252';

const distro = (image: string, base: 'own' | 'debian', hostname: keyof typeof hostnames): Distro => ({
  image,
  buildBase: base === 'own' ? image : debian,
  hostname: hostnames[hostname],
});

/** In the order of the rotation. */
export const distros: ReadonlyMap<string, Distro> = new Map([
  ['debian', distro(debian, 'own', 'generic')],
  [
    'ubuntu22',
    distro(
      'ubuntu:22.04@sha256:962f6cadeae0ea6284001009daa4cc9a8c37e75d1f5191cf0eb83fe565b63dd7',
      'own',
      'generic',
    ),
  ],
  [
    'ubuntu20',
    distro(
      'ubuntu:20.04@sha256:8feb4d8ca5354def3d8fce243717141ce31e2c428701f6682bd2fafe15388214',
      'own',
      'generic',
    ),
  ],
  [
    'rocky9',
    distro(
      'rockylinux:9-minimal@sha256:305de618a5681ff75b1d608fd22b10f362867dff2f550a4f1d427d21cd7f42b4',
      'debian',
      'rhel',
    ),
  ],
  [
    'centos7',
    distro(
      'centos:7@sha256:be65f488b7764ad3638f236b7b515b3678369a5124c47b8d32916d6487418ea4',
      'debian',
      'rhel',
    ),
  ],
  [
    'alpine',
    distro(
      'alpine:3.19@sha256:6baf43584bcb78f2e5847d1de515f23499913ac9f12bdf834811a3145eb11ca1',
      'debian',
      'minimal',
    ),
  ],
  [
    'fedora',
    distro(
      'fedora:39@sha256:d63d63fe593749a5e8dbc8152427d40bbe0ece53d884e00e5f3b44859efa5077',
      'debian',
      'rhel',
    ),
  ],
  [
    'kali',
    distro(
      'kalilinux/kali-rolling@sha256:1fd0364490011f245688c6ed9fee498a11cd779badfbb0b1d3a721d0f49f2d15',
      'own',
      'rolling',
    ),
  ],
  [
    'arch',
    distro(
      'archlinux:latest@sha256:5ba8bb318666baef4d33afefc0e65db80f38b23503cb8e7b150d315cc2d4d5da',
      'debian',
      'rolling',
    ),
  ],
]);

export const hostnameWords: readonly string[] = (
  'alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike nova oscar prod web db mail proxy ' +
  'dev stage backup monitor files'
).split(' ');

const services: readonly string[] = (
  'conpot dns docker_api elasticsearch ftp http https imap k8s ldap llmnr mongodb mqtt mssql mysql pop3 postgres rdp ' +
  'redis sip smb smtp smtp_relay snmp ssh telnet tftp vnc'
).split(' ');

/** The services that exist once per fleet; no decky may have one. */
const singletons: readonly string[] = ['sniffer'];

const loadable: ReadonlySet<string> = new Set([...services, ...singletons]);

/** Whether `NAME` in a section `[DECKY.NAME]` is a service. Custom services are not known while an INI file is loaded. */
export const isServiceWhileLoading = (name: string): boolean => loadable.has(name);

/** Whether the service exists once per fleet. Not valid if a custom service has the same name. */
export const isFleetSingleton = (name: string): boolean => singletons.includes(name);

/**
 * The services that a decky may have, sorted; without fleet singletons.
 * @param own the names of registered custom services, which may override known names
 */
export const allServiceNames = (own: readonly string[] = []): readonly string[] =>
  // Sorted by code unit. Python sorts these names in the same order.
  [...new Set([...services, ...own])].sort();
