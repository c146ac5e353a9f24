import { type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { NodeError } from '../node-kind.js';

/** The parts of a workbook, read one after the other as they are asked for. */
export class Workbook {
  private constructor(
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
    private readonly shown: string,
    private readonly maxBytes: number,
  ) {}

  /** @throws NodeError when it is none */
  static async open(path: string, shown: string, maxBytes: number): Promise<Workbook> {
    const entries = new Map<string, Entry>();
    try {
      const zip = await openPromise(path, { lazyEntries: true, autoClose: false });
      await new Promise<void>((resolve, reject) => {
        zip.on('error', reject);
        zip.on('end', resolve);
        zip.on('entry', (entry: Entry) => {
          // No workbook of people has as many parts.
          if (entries.size > 10_000) return reject(new Error('too many parts'));
          entries.set(entry.fileName.replace(/^\//, ''), entry);
          zip.readEntry();
        });
        zip.readEntry();
      });
      return new Workbook(zip, entries, shown, maxBytes);
    } catch {
      throw new NodeError('BadFile', `${shown} is no whole Excel file (.xlsx)`, false);
    }
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /**
   * Goes through the elements of a part. What it unpacks to is bounded, and a part that is larger than it says is refused, so
   * that a small file cannot fill this machine.
   */
  async parse(
    name: string,
    on: {
      open?(tag: SaxesTagPlain): void;
      text?(text: string): void;
      close?(name: string): void;
      chunk?(): Promise<void>;
    },
  ): Promise<void> {
    const entry = this.entries.get(name);
    if (!entry)
      throw new NodeError('BadFile', `${this.shown} is no whole Excel file: it has no ${name}`, false);
    if (entry.uncompressedSize > this.maxBytes) {
      const message = `${this.shown}: ${name} unpacks to ${entry.uncompressedSize} bytes, more than DUCKDB_TEMP_DISK_MB lets a node use`;
      throw new NodeError('OutOfMemory', message, false);
    }
    const parser = new SaxesParser();
    // Namespaces come with prefixes of the writer's choice.
    parser.on('opentag', (tag) => on.open?.({ ...tag, name: local(tag.name) } as SaxesTagPlain));
    parser.on('closetag', (tag) => on.close?.(local(tag.name)));
    parser.on('text', (text) => on.text?.(text));
    parser.on('cdata', (text) => on.text?.(text));
    const decoder = new TextDecoder();
    try {
      const stream = await (
        promisify(this.zip.openReadStream.bind(this.zip)) as (entry: Entry) => Promise<Readable>
      )(entry);
      for await (const chunk of stream) {
        parser.write(decoder.decode(chunk as Buffer, { stream: true }));
        await on.chunk?.();
      }
      parser.write(decoder.decode()).close();
      await on.chunk?.();
    } catch (error) {
      if (error instanceof NodeError) throw error;
      throw new NodeError('BadFile', `${this.shown} is no whole Excel file: ${name} cannot be read`, false);
    }
  }

  close(): void {
    this.zip.close();
  }
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1);
