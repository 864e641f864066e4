/**
 * What is read of the files beside a configuration, such as its locks. A command reads them when it needs them. A process that
 * lasts reads them together with the rest, so that nobody meets a lock of one day beside a configuration of another.
 */

/** What was read together with one configuration, by name. */
export interface ReadTogether {
  /** What was read under this name; where nothing was, it is read now, and kept as long as the reading goes on. */
  of<Value>(name: string, read: () => Promise<Value>): Promise<Value>;
  /** The reading is over: what it does not have was not there to be read. */
  end(): void;
}

/** Begins a reading. */
export function readTogether(): ReadTogether {
  const values = new Map<string, unknown>();
  let isOver = false;
  return {
    async of<Value>(name: string, read: () => Promise<Value>) {
      if (values.has(name)) return values.get(name) as Value;
      const value = await read();
      if (!isOver) values.set(name, value);
      return value;
    },
    end() {
      isOver = true;
    },
  };
}

/** What one file beside a configuration says: as it was read with it, or as it is now. */
export async function asRead<Value>(
  { together }: { readonly together?: ReadTogether },
  name: string,
  read: () => Promise<Value>,
): Promise<Value> {
  return together === undefined ? await read() : await together.of(name, read);
}
