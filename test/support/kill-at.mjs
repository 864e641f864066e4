/**
 * Loaded with `node --import` before an executable: counts every step that it takes in the outside world, and kills the
 * process, as `kill -9` does, at one of them. KILL_LOG gets one line per step; KILL_AT is the number of the step to die
 * at, 0 for none, and KILL_OF the pattern of the steps that are counted, all where it is empty. KILL_BY=SIGINT presses Ctrl-C
 * there instead, and the process goes on with what it makes of that. Nothing counts before a step that KILL_FROM looks like. The steps: each request before it is sent, with its answer there but not read, and with it read; each
 * file before it is written, renamed, linked or removed, and after; each line of the record before it is written, after, and
 * when the disk has it, with its lock; each statement of the database at KILL_DATABASE that changes something by itself, and each
 * commit, before it is sent: what is not sent has no effect, and what is has it, read or not; each program before and after it is started; each
 * request that is accepted, and its answer once it is sent.
 */
import childProcess from 'node:child_process';
import fs from 'node:fs';
import files from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

// An executable takes nothing but a command line, and what it starts is to know nothing of this.
const { env } = process;
const { KILL_AT = '0', KILL_OF = '', KILL_FROM = '', KILL_BY = 'SIGKILL', KILL_LOG = '', KILL_DATABASE = '' } = env;
delete env.KILL_AT;
delete env.KILL_OF;
delete env.KILL_FROM;
delete env.KILL_BY;
delete env.KILL_LOG;
delete env.KILL_DATABASE;
// As they are before they are counted.
const { openSync, writeSync, symlinkSync, unlinkSync, fdatasync } = fs;
const log = openSync(KILL_LOG, 'a');
const counted = new RegExp(KILL_OF);
const first = new RegExp(KILL_FROM);
let begun = false;
let count = 0;

function step(name) {
  writeSync(log, `${name}\n`);
  begun ||= first.test(name);
  if (!begun || !counted.test(name)) return;
  count += 1;
  if (count !== Number(KILL_AT)) return;
  process.kill(process.pid, KILL_BY);
  if (KILL_BY !== 'SIGKILL') return;
  // Until the signal is there: not one instruction more of what was to come.
  for (;;);
}

for (const module of [http, https]) {
  const { request } = module;
  module.request = (url, options, answered) => {
    const what = `${options.method} ${url.origin}${url.pathname}`;
    step(`${what}: before`);
    return request(url, options, (message) => {
      step(`${what}: sent`);
      message.once('end', () => step(`${what}: answered`));
      answered(message);
    });
  };
}

const { fetch } = globalThis;
// What is read of the answer is not seen here; the next step is.
globalThis.fetch = async (url, options) => {
  const { origin, pathname } = new URL(url);
  const what = `${options.method} ${origin}${pathname}`;
  step(`${what}: before`);
  const response = await fetch(url, options);
  step(`${what}: sent`);
  return response;
};

const { emit } = http.Server.prototype;
http.Server.prototype.emit = function (event, ...words) {
  if (event === 'request') {
    const [{ method, url }, response] = words;
    const what = `serve ${method} ${url.split('?')[0]}`;
    step(`${what}: before`);
    response.once('finish', () => step(`${what}: answered`));
  }
  return emit.call(this, event, ...words);
};

// A message of PostgreSQL has its kind and its length in front. A statement with parameters is told once, with a name and its text (P),
// and asked for by that name, behind that of a portal, which is empty (B).
const told = new WeakMap();
const inTransaction = new WeakMap();
const { write } = net.Socket.prototype;
net.Socket.prototype.write = function (data, ...words) {
  if (KILL_DATABASE !== '' && this.remotePort === Number(KILL_DATABASE) && Buffer.isBuffer(data)) {
    const kind = String.fromCharCode(data[0]);
    const [first, second] = kind === 'Q' || kind === 'P' || kind === 'B' ? data.toString('utf8', 5).split('\0', 2) : [];
    const named = told.get(this) ?? told.set(this, new Map()).get(this);
    if (kind === 'P') named.set(first, second);
    const text = kind === 'Q' ? first : kind === 'B' ? named.get(second) : undefined;
    if (text !== undefined) ask(this, text.trim().replace(/\s+/g, ' '));
  }
  return write.call(this, data, ...words);
};

function ask(socket, text) {
  const [verb = ''] = text.split(' ');
  if (verb === 'begin') inTransaction.set(socket, true);
  const within = inTransaction.get(socket) === true;
  if (verb === 'commit' || verb === 'rollback') inTransaction.set(socket, false);
  if (verb === 'commit' || (!within && /^(insert|update|delete|with) /.test(text)))
    step(`database: ${text.slice(0, 60)}`);
}

const { spawn } = childProcess;
childProcess.spawn = (...words) => {
  step('browser: before');
  const child = spawn(...words);
  child.once('spawn', () => step('browser: started'));
  return child;
};

const { open, rename, link, rm } = files;
files.open = async (path, flags, ...words) => {
  if (/[wa]/.test(flags)) step(`write ${path}: before`);
  return await open(path, flags, ...words);
};
files.rename = (from, to) => around(`rename to ${to}`, () => rename(from, to));
files.link = (from, to) => around(`link ${to}`, () => link(from, to));
files.rm = (path, ...words) => around(`remove ${path}`, () => rm(path, ...words));

const records = new Map();
fs.openSync = (path, ...words) => {
  const file = openSync(path, ...words);
  if (/[/\\]record[/\\]/.test(path)) records.set(file, path);
  else records.delete(file);
  return file;
};
fs.writeSync = (file, ...words) => {
  const path = records.get(file);
  return path === undefined ? writeSync(file, ...words) : aroundNow(`write ${path}`, () => writeSync(file, ...words));
};
fs.fdatasync = (file, ended) =>
  fdatasync(file, (error) => {
    step(`on disk ${records.get(file)}`);
    ended(error);
  });
fs.symlinkSync = (to, path) => aroundNow(`link ${path}`, () => symlinkSync(to, path));
fs.unlinkSync = (path) => aroundNow(`remove ${path}`, () => unlinkSync(path));
syncBuiltinESMExports();

function aroundNow(name, act) {
  step(`${name}: before`);
  try {
    return act();
  } finally {
    step(`${name}: done`);
  }
}

async function around(name, act) {
  step(`${name}: before`);
  try {
    return await act();
  } finally {
    step(`${name}: done`);
  }
}
