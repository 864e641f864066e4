/** Every event of `--json-events`: when it comes, and its fields beside `event`. A field without a value is null. */
export const eventTable = {
  waiting: {
    fields: ['for', 'purpose', 'url', 'redirect_port', 'code', 'until'],
    when: 'somebody has to act: open `url` in a browser (`for` is `browser`), or enter `code` there (`for` is `code`)',
  },
  stored: {
    fields: ['service', 'account', 'vault_id', 'credential_id', 'change'],
    when: 'a connection is in the vault; `change` is `created`, `updated` or `replaced`',
  },
  denied: { fields: ['message'], when: 'the service, or the person there, said no' },
  blocked: { fields: ['message'], when: 'nobody is here to act, or the configuration does not allow it' },
  expired: { fields: ['message'], when: 'the time was over before anybody acted' },
  mismatch: {
    fields: ['message'],
    when: 'the account that came back may not be stored, or the person is not the last one here',
  },
  ask: {
    fields: ['session', 'call', 'service', 'tool', 'digest', 'as'],
    when: 'with `approvals --watch`: a call waits for a yes or no; `as` is `owner` or `approver`, `digest` is null where its arguments may not be seen',
  },
  guarded: {
    fields: ['session', 'call', 'service', 'tool', 'outcome', 'rule', 'because'],
    when: 'with `guard`: what became of a call; `outcome` is `allowed`, `denied`, `left` or `elsewhere`',
  },
  note: { fields: ['message'], when: 'progress; nothing has to be done' },
  progress: {
    fields: ['message', 'done', 'all', 'seconds'],
    when: 'how far something is that takes long: `done` of `all`, which is null where nobody knows it; once a second at most',
  },
  warning: {
    fields: ['message'],
    when: 'something the person has to know, or a question that is asked at the terminal',
  },
  error: {
    fields: ['code', 'message', 'hint', 'exit'],
    when: 'the last line of a run that failed; `code` and `exit` are those of [exit-codes.md](exit-codes.md)',
  },
} as const satisfies Record<string, { fields: readonly string[]; when: string }>;

export type EventName = keyof typeof eventTable;

type Fields<Name extends EventName> = Record<(typeof eventTable)[Name]['fields'][number], string | number | null>;

export type EventOf<Name extends EventName> = { event: Name } & Fields<Name>;

export type ProgressEvent = { [Name in EventName]: EventOf<Name> }[EventName];
