// @peculiar/x509 needs this polyfill to be loaded first.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

/** The names in a certificate: the hosts, and the common name that old clients read. */
export type Subject = { commonName: string; dns?: string[]; ip?: string[] };

/** A certificate authority for tests. A client that trusts `certificate` trusts every certificate that it signs. */
export class Authority {
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: X509Certificate;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
  }

  static async create(name: string): Promise<Authority> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...validity(),
      name: [{ CN: [name] }],
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ],
    });
    return new Authority(keys, certificate);
  }

  /** PEM. */
  get certificate(): string {
    return this.#certificate.toString('pem');
  }

  /** A certificate and its new key, as PEM. */
  async issue(subject: Subject): Promise<{ certificate: string; key: string }> {
    const keys = await newKeys();
    const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    return {
      certificate: await this.sign(subject, keys.publicKey),
      key: PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    };
  }

  /** A certificate for a given public key, as PEM. */
  async sign(subject: Subject, publicKey: webcrypto.CryptoKey): Promise<string> {
    const names = [
      ...(subject.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
      ...(subject.ip ?? []).map((value) => ({ type: 'ip' as const, value })),
    ];
    const certificate = await X509CertificateGenerator.create({
      ...validity(),
      subject: [{ CN: [subject.commonName] }],
      issuer: this.#certificate.subject,
      publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : [],
    });
    return certificate.toString('pem');
  }
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

const validity = () => ({
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + DAY_MS),
});
