// Distributed under the Boost Software License, Version 1.0. See LICENSE.
// fastify.js ACCESS-FILE ACTIVE-ECOSYSTEM DELETED-ECOSYSTEM [DATABASE]: the endpoint in Fastify, its schemas compiled by
// Ajv and fast-json-stringify; clients are kept in a Map, or in SQLite, as durable as droplit-server keeps them.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import fastify from 'fastify'

const [accessFile, active, deleted, database] = process.argv.slice(2)
const kinds = new Map(JSON.parse(readFileSync(accessFile)).tokens.map(({ token, kind }) => [token, kind]))

class MemoryStore {
  ecosystems = new Map([[active, 'active'], [deleted, 'deleted']])
  clients = new Map()

  insert(client) {
    const state = this.ecosystems.get(client.ecosystemId)
    if (state === 'active') this.clients.set(client.id, client)
    return state
  }
}

class SqliteStore {
  constructor(path) {
    const db = new Database(path)
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.exec(`CREATE TABLE IF NOT EXISTS ecosystem (id TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS client (id TEXT PRIMARY KEY, created_at TEXT NOT NULL, type TEXT NOT NULL, name TEXT,
        description TEXT, ecosystem_id TEXT NOT NULL REFERENCES ecosystem) STRICT, WITHOUT ROWID`)
    const add = db.prepare('INSERT OR IGNORE INTO ecosystem VALUES (?, ?)')
    add.run(active, 'active')
    add.run(deleted, 'deleted')
    const state = db.prepare('SELECT state FROM ecosystem WHERE id = ?').pluck()
    const insert = db.prepare('INSERT INTO client VALUES (?, ?, ?, ?, ?, ?)')
    this.insert = db.transaction(({ id, createdAt, type, name, description, ecosystemId }) => {
      const found = state.get(ecosystemId)
      if (found === 'active') insert.run(id, createdAt, type, name ?? null, description ?? null, ecosystemId)
      return found
    }).immediate
  }
}

// Twelve bytes as MongoDB has them: seconds, five bytes of the process, a counter.
const processPart = randomBytes(5).toString('hex')
let counter = randomBytes(3).readUIntBE(0, 3)
function newId(now) {
  counter = (counter + 1) & 0xffffff
  const seconds = Math.floor(now / 1000).toString(16).padStart(8, '0')
  return seconds + processPart + counter.toString(16).padStart(6, '0')
}

const text = { type: 'string' }
const created = {
  type: 'object',
  properties: { createdAt: text, description: text, ecosystemId: text, id: text, name: text, type: text },
}
const optionalText = { type: ['string', 'null'], pattern: '^[^\\u0000]*$' } // null is as good as absent
const body = {
  type: 'object',
  required: ['ecosystemId', 'type'],
  properties: {
    ecosystemId: { type: ['string', 'null'], pattern: '^C[0-9a-fA-F]{24}$' },
    type: { enum: ['application', 'server', null] },
    name: optionalText,
    description: optionalText,
  },
}

const entry = (where, message, path) => ({ in: where, message, path })
const notAllowed = (where, names) =>
  entry(where, `contains fields that are not allowed: [ ${names.join(', ')} ]`, 'additional parameters')
const required = (path) => entry('body', 'field is required', path)
const unreadable = () => [required('ecosystemId'), required('type')]
const queryEntries = (request) => {
  const names = Object.keys(request.query)
  return names.length === 0 ? [] : [notAllowed('query', names)]
}

// The entries of a body that could be read, from what Ajv found wrong with it.
function bodyEntries(value, errors) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return unreadable()
  const wrong = {}
  for (const { instancePath, keyword } of errors) {
    if (instancePath !== '') wrong[instancePath.slice(1)] ??= keyword
  }
  const entries = []
  if (value.ecosystemId == null) {
    const unknown = Object.keys(value).filter((name) => !Object.hasOwn(body.properties, name))
    if (unknown.length !== 0) entries.push(notAllowed('body', unknown))
    entries.push(required('ecosystemId'))
  } else if (wrong.ecosystemId) {
    entries.push(entry('body', 'invalid id', 'ecosystemId'))
  }
  if (value.type == null) {
    entries.push(required('type'))
  } else if (wrong.type) {
    entries.push(entry('body', 'field must be one of the following values: application, server', 'type'))
  }
  for (const name of ['name', 'description']) {
    if (wrong[name]) {
      const message = wrong[name] === 'type' ? 'expected field to be a string' : 'contains characters that are not allowed'
      entries.push(entry('body', message, name))
    }
  }
  return entries
}

const app = fastify({
  logger: false,
  bodyLimit: 1024 * 1024,
  onProtoPoisoning: 'ignore',
  onConstructorPoisoning: 'ignore',
  ajv: { customOptions: { allErrors: true, coerceTypes: false, removeAdditional: false, useDefaults: false } },
  routerOptions: { ignoreTrailingSlash: true },
})
const store = database ? new SqliteStore(database) : new MemoryStore()

function invalid(reply, entries) {
  reply.code(400).type('application/json').send({ errorType: 'InvalidParams', errors: entries })
}

app.setErrorHandler((error, request, reply) => {
  if (error.validation) return invalid(reply, [...queryEntries(request), ...bodyEntries(request.body, error.validation)])
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return reply.code(413).send()
  if (error.statusCode < 500) return invalid(reply, [...queryEntries(request), ...unreadable()])
  reply.code(500).type('application/json').send({ errorType: 'Internal Server Error' })
})
app.setNotFoundHandler((request, reply) => reply.code(404).send())

// Judged before the body is read.
function authorize(request, reply, done) {
  const kind = kinds.get(request.headers.authorization)
  if (kind === undefined) return reply.code(401).send()
  if (kind !== 'account' && kind !== 'server') return reply.code(403).type('text/plain; charset=utf-8').send('Token type not permitted!')
  done()
}

function create(request, reply) {
  const { ecosystemId, type, name, description } = request.body
  const entries = queryEntries(request)
  if (ecosystemId === null || type === null) entries.push(...bodyEntries(request.body, []))
  if (entries.length !== 0) return invalid(reply, entries)

  const now = Date.now()
  const client = {
    createdAt: new Date(now).toISOString(),
    description: description ?? undefined,
    ecosystemId: 'C' + ecosystemId.slice(1).toLowerCase(),
    id: newId(now),
    name: name ?? undefined,
    type,
  }
  const state = store.insert(client)
  if (state === 'active') return reply.code(201).type('application/json').send(client)
  if (state === undefined) return invalid(reply, [entry('body', 'invalid id', 'ecosystemId')])
  reply.code(404).type('text/plain; charset=utf-8').send(`Ecosystem with id ${client.ecosystemId} does not exist.`)
}

for (const url of ['/api/clients', '/v0/api/clients']) {
  app.post(url, { schema: { body, response: { 201: created } }, onRequest: authorize }, create)
  app.route({
    method: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url,
    handler: (request, reply) => reply.code(405).header('allow', 'OPTIONS, POST').send(),
  })
}
console.log('listening on', await app.listen({ host: '127.0.0.1', port: 0 }))
