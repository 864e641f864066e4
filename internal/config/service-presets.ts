/**
 * The files of well-known services that `setup-session init` writes: those of our own `config/services`. The
 * executables are bundled, so they are code; starter.test.ts writes this file from those.
 */
export const servicePresets: Readonly<Record<string, string>> = {
  asana: `# yaml-language-server: $schema=../schema/service.schema.json
# Asana. Facts from public material of 2026; "uncertain" marks what nobody outside Asana has confirmed.
# Source: speakeasy-api/mcp-setup-docs guides/asana, 2026-08; anthropics/claude-code issue 55067
title: Asana
mcp_server_url: https://mcp.asana.com/v2/mcp

authorization:
  issuers: [https://app.asana.com]
  # The second version registers no client by itself: make an "MCP app" in the developer console. It has a secret, which
  # service-connection asks for once. The app has to allow the workspace, or any.
  registration: pre-registered
  client_id: "0000000000000000" # <- the client id of your app
  token_endpoint_auth_method: client_secret_post
  # Asking for scopes fails the sign-in, so none are named here.
  # Register http://localhost:41874/callback: the address is compared as a whole.
  redirect: { host: localhost, port: 41874 }

# Uncertain: every name below, and where the answer names the account.
account:
  tool: get_me
  name: email
  match: none

tools:
  read:
    - get_me
    - search_objects
    - search_tasks
    - get_task
    - get_tasks
    - get_project
    - get_projects
    - get_user
    - get_workspace_users
  write:
    - create_tasks
    - create_project
    - add_comment
  destructive:
    - update_tasks
    - delete_task
`,
  atlassian: `# yaml-language-server: $schema=../schema/service.schema.json
# Atlassian (Jira, Confluence). Facts from public material of 2026; "uncertain" marks what nobody outside Atlassian has confirmed.
# Source: atlassian/atlassian-mcp-server README and its issue 205, 2026-07; speakeasy-api/mcp-setup-docs, 2026-08
title: Atlassian
# Uncertain: https://mcp.atlassian.com/v2/mcp is newer.
mcp_server_url: https://mcp.atlassian.com/v1/mcp/authv2

authorization:
  # Moved on 2026-05-27, and may again. Where its metadata names another issuer, the refusal says which line of
  # metadata_issuers lets it pass; see docs/services.md for the risk.
  issuers: [https://auth.atlassian.com/VCeDsk8ZHncYF1g234fKtc4lNipbBhu3]
  # An administrator keeps a list of redirect addresses: 127.0.0.1 may pass where localhost does not.
  registration: dynamic
  scopes:
    default:
      - offline_access
      - read:me
      - read:jira:agent-interface
      - write:jira:agent-interface
      - search:jira:agent-interface
      - read:confluence:agent-interface
      - write:confluence:agent-interface
      - search:confluence:agent-interface
    read_only:
      - offline_access
      - read:me
      - read:jira:agent-interface
      - search:jira:agent-interface
      - read:confluence:agent-interface
      - search:confluence:agent-interface

# Uncertain: the tool, and where its answer names the account.
account:
  tool: atlassianUserInfo
  name: email
  match: none

# Uncertain as a whole: dozens more are behind a discover and an execute tool. What executes anything is no tool to list.
tools:
  read:
    - atlassianUserInfo
    - getAccessibleAtlassianResources
    - getJiraIssue
    - searchJiraIssuesUsingJql
    - getVisibleJiraProjects
    - getConfluencePage
    - getConfluenceSpaces
    - searchConfluenceUsingCql
  write:
    - addCommentToJiraIssue
    - createJiraIssue
    - createConfluencePage
    - createConfluenceFooterComment
  destructive:
    - editJiraIssue
    - transitionJiraIssue
    - updateConfluencePage
`,
  cloudflare: `# yaml-language-server: $schema=../schema/service.schema.json
# Cloudflare. Facts from public material of 2026; "uncertain" marks what nobody outside Cloudflare has confirmed.
# Source: cloudflare/mcp-server-cloudflare README and oauth-router.ts, 2026
title: Cloudflare
# Each product has a host of its own, which is its own issuer, and each is a service with a file of its own:
# observability, builds, radar, logs and others in the place of bindings.
mcp_server_url: https://bindings.mcp.cloudflare.com/mcp

authorization:
  issuers: [https://bindings.mcp.cloudflare.com]
  # A client that was registered is forgotten after 90 days (uncertain): connect again then.
  registration: dynamic

# No tool is known that says whose account it is.
tools:
  read:
    - accounts_list
    - workers_list
    - workers_get_worker
    - workers_get_worker_code
    - kv_namespaces_list
    - kv_namespace_get
    - r2_buckets_list
    - r2_bucket_get
    - d1_databases_list
    - d1_database_get
    - hyperdrive_configs_list
    - hyperdrive_config_get
    - search_cloudflare_documentation
  write:
    - set_active_account
    - kv_namespace_create
    - r2_bucket_create
    - d1_database_create
  # A query may change or delete anything.
  destructive:
    - d1_database_query
    - kv_namespace_update
    - kv_namespace_delete
    - r2_bucket_delete
    - d1_database_delete
    - hyperdrive_config_edit
    - hyperdrive_config_delete
`,
  figma: `# yaml-language-server: $schema=../schema/service.schema.json
# Figma. Facts from public material of 2026; "uncertain" marks what nobody outside Figma has confirmed.
# Source: anthropics/claude-code issue 74768, 2026; NousResearch/hermes-agent issue 73141; probes of 2026-05 and autumn 2026
title: Figma
mcp_server_url: https://mcp.figma.com/mcp

authorization:
  issuers: [https://api.figma.com]
  # It says that it registers clients, and admits only those that it lists, by their name: the others get a 403. Ask Figma
  # for admission, or set pre-registered with the client id that it gave you. Another product's name is not to be used.
  registration: dynamic
  scopes:
    default: [mcp:connect]

# Uncertain: every name below, and where the answer names the account.
account:
  tool: whoami
  name: email
  match: none

tools:
  read:
    - whoami
    - get_design_context
    - get_variable_defs
    - get_screenshot
    - get_metadata
    - get_figjam
    - get_code_connect_map
  write:
    - add_code_connect_map
    - create_design_system_rules
`,
  github: `# yaml-language-server: $schema=../schema/service.schema.json
# GitHub. Facts from public material of 2026; "uncertain" marks what nobody outside GitHub has confirmed.
# Source: github/github-mcp-server docs and tool snapshots, 2026
title: GitHub
# With /readonly at the end the server itself offers no tool that writes.
mcp_server_url: https://api.githubcopilot.com/mcp/

authorization:
  issuers: [https://github.com/login/oauth]
  # GitHub registers no client by itself: make a GitHub App (its tokens expire and are refreshed) or an OAuth App (they
  # do not). It wants the client secret although PKCE is used: service-connection asks for it once and keeps it in the
  # keychain, or takes it with --client-secret-fd. It ends up in every vault that is connected.
  registration: pre-registered
  client_id: Iv00.0000000000000000 # <- the client id of your app
  token_endpoint_auth_method: client_secret_post
  # For an OAuth App; a GitHub App has the permissions that were chosen for the app, and ignores scopes.
  scopes:
    default: [repo, read:org, read:user]
    read_only: [read:org, read:user]
  # Register http://127.0.0.1/callback as callback URL of the app. Uncertain: GitHub then takes any port.
  redirect: { path: /callback }
  token_response: github
  # People may enter a personal access token instead (--token-stdin). It has every right that it was made with, whatever
  # stands above, and nothing renews it: fine-grained ones that end after a while are the careful choice.
  static: true

# A login is no address, so nothing compares it with a person; --expect-account <login> does.
account:
  tool: get_me
  name: login
  match: none

# From the snapshots of the server's own tools, where every tool says whether it only reads. Not all that destroys says
# so: merge_pull_request and push_files do not. All of these together are close to what one agent may have.
tools:
  read:
    - actions_get
    - actions_list
    - find_duplicate
    - get_code_quality_finding
    - get_code_scanning_alert
    - get_commit
    - get_dependabot_alert
    - get_discussion
    - get_discussion_comments
    - get_file_blame
    - get_file_contents
    - get_gist
    - get_global_security_advisory
    - get_job_logs
    - get_label
    - get_latest_release
    - get_me
    - get_notification_details
    - get_release_by_tag
    - get_repository_tree
    - get_secret_scanning_alert
    - get_tag
    - get_team_members
    - get_teams
    - issue_dependency_read
    - issue_read
    - list_branches
    - list_code_scanning_alerts
    - list_commits
    - list_dependabot_alerts
    - list_discussion_categories
    - list_discussions
    - list_gists
    - list_global_security_advisories
    - list_issue_fields
    - list_issue_types
    - list_issues
    - list_label
    - list_notifications
    - list_org_repository_security_advisories
    - list_pull_requests
    - list_releases
    - list_repository_collaborators
    - list_repository_security_advisories
    - list_secret_scanning_alerts
    - list_starred_repositories
    - list_tags
    - projects_get
    - projects_list
    - pull_request_read
    - search_code
    - search_commits
    - search_issues
    - search_orgs
    - search_pull_requests
    - search_repositories
    - search_users
    - ui_get
  write:
    - add_comment_to_pending_review
    - add_issue_comment
    - add_issue_comment_reaction
    - add_issue_reaction
    - add_pull_request_review_comment
    - add_pull_request_review_comment_reaction
    - add_reply_to_pull_request_comment
    - add_sub_issue
    - assign_copilot_to_issue
    - assign_copilot_to_issue_with_intent
    - create_branch
    - create_gist
    - create_issue
    - create_pull_request
    - create_pull_request_review
    - create_repository
    - dismiss_notification
    - fork_repository
    - issue_dependency_write
    - issue_write
    - pull_request_review_write
    - reprioritize_sub_issue
    - request_copilot_review
    - request_pull_request_reviewers
    - resolve_review_thread
    - set_issue_fields
    - star_repository
    - sub_issue_write
    - submit_pending_pull_request_review
    - unresolve_review_thread
    - unstar_repository
    - update_gist
    - update_issue_assignees
    - update_issue_body
    - update_issue_labels
    - update_issue_milestone
    - update_issue_state
    - update_issue_title
    - update_issue_type
    - update_pull_request
    - update_pull_request_body
    - update_pull_request_branch
    - update_pull_request_draft_state
    - update_pull_request_state
    - update_pull_request_title
  # Beside what says so itself: what puts commits on a branch others build on, and what cannot be taken back.
  destructive:
    - actions_run_trigger
    - create_or_update_file
    - delete_file
    - delete_pending_pull_request_review
    - delete_repository
    - discussion_comment_write
    - label_write
    - manage_notification_subscription
    - manage_repository_notification_subscription
    - mark_all_notifications_read
    - merge_pull_request
    - projects_write
    - push_files
    - remove_sub_issue
`,
  google: `# yaml-language-server: $schema=../schema/service.schema.json
# Google Workspace: Gmail. Facts from public material of 2026; "uncertain" marks what nobody outside Google has confirmed.
# Source: speakeasy-api/mcp-setup-docs guides/google-workspace, 2026-08; github/copilot-cli issue 4606, 2026-09
title: Gmail
# drive, calendar, docs, sheets and slides have addresses of their own in the place of gmail, and each a file of its own.
mcp_server_url: https://gmailmcp.googleapis.com/mcp/v1

authorization:
  issuers: [https://accounts.google.com]
  # It registers no client by itself: make an OAuth client of type "Web application" in a project that takes part in the
  # preview. It has a secret, which service-connection asks for once. People need the role roles/mcp.toolUser.
  registration: pre-registered
  client_id: 000000000000-example.apps.googleusercontent.com # <- the client id of your project
  token_endpoint_auth_method: client_secret_post
  scopes:
    default:
      - https://www.googleapis.com/auth/gmail.readonly
      - https://www.googleapis.com/auth/gmail.compose
    read_only:
      - https://www.googleapis.com/auth/gmail.readonly
  # Without these there is no refresh token. With the consent screen on "External" and "Testing" access ends after 7 days.
  authorize_parameters: { access_type: offline, prompt: consent }
  # Register http://127.0.0.1:41877/callback as redirect URI of the client.
  redirect: { port: 41877 }

# Uncertain: every name below. No tool is known that says whose account it is.
tools:
  read:
    - search_threads
    - get_thread
    - list_labels
    - list_drafts
  write:
    - create_draft
    - create_label
    - label_message
    - label_thread
    - unlabel_message
    - unlabel_thread
`,
  hubspot: `# yaml-language-server: $schema=../schema/service.schema.json
# HubSpot. Facts from public material of 2026; "uncertain" marks what nobody outside HubSpot has confirmed.
# Source: developers.hubspot.com "Integrate with the remote HubSpot MCP server", read 2026-11-29; speakeasy-api/mcp-setup-docs, 2026-08
title: HubSpot
mcp_server_url: https://mcp.hubspot.com

authorization:
  issuers: [https://mcp.hubspot.com]
  # It registers no client by itself: make an MCP connector (an "MCP auth app") in the account. It has a secret, which
  # service-connection asks for once. What it may do is set there, not asked for.
  registration: pre-registered
  client_id: 00000000-0000-0000-0000-000000000000 # <- the client id of your connector
  token_endpoint_auth_method: client_secret_post
  # Uncertain: which addresses it takes. Register http://localhost:41875/callback.
  redirect: { host: localhost, port: 41875 }

# Uncertain: where the answer names the account.
account:
  tool: get_user_details
  name: user.email
  match: none

tools:
  read:
    - get_user_details
    - get_organization_details
    - discover_hubspot_schema
    - search_crm_objects
    - get_crm_objects
    - query_crm_data
    - search_properties
  write: []
  # Creates and overwrites alike.
  destructive:
    - manage_crm_objects
    - manage_segment
`,
  linear: `# yaml-language-server: $schema=../schema/service.schema.json
# Linear. Facts from public material of 2026; "uncertain" marks what nobody outside Linear has confirmed.
# Source: probes of 2026-09; public configurations of 2026
title: Linear
mcp_server_url: https://mcp.linear.app/mcp

authorization:
  issuers: [https://mcp.linear.app]
  # Linear also takes client metadata documents (registration: client-metadata) where you publish one.
  registration: dynamic
  scopes:
    default: [read, write]
    read_only: [read]

# Uncertain: that "me" stands for oneself, and where the answer names the account. Set match: email once name leads to
# the verified address.
account:
  tool: get_user
  arguments: { query: me }
  name: name
  match: none

# Uncertain as a whole: Linear publishes no list; these names come from public configurations.
tools:
  read:
    - list_issues
    - get_issue
    - list_issue_statuses
    - get_issue_status
    - list_issue_labels
    - list_projects
    - get_project
    - list_project_labels
    - list_milestones
    - list_teams
    - get_team
    - list_users
    - get_user
    - list_documents
    - get_document
    - list_comments
    - list_cycles
    - search_documentation
  write:
    - save_issue
    - save_comment
    - save_project
    - save_milestone
    - create_document
    - update_document
    - create_issue_label
    # Uncertain: older names of the save_ tools.
    - create_issue
    - update_issue
    - create_comment
    - create_project
    - update_project
  destructive: []
`,
  microsoft: `# yaml-language-server: $schema=../schema/service.schema.json
# Microsoft MCP Server for Enterprise: reads Entra data of an organization through Microsoft Graph, in preview. "Uncertain"
# marks what nobody outside Microsoft has confirmed.
# Source: learn.microsoft.com/graph/mcp-server/get-started, read 2026-11-29; anthropics/claude-code issues 76096 and 89438, 2026-07 and 2026-08
title: Microsoft
mcp_server_url: https://mcp.svc.cloud.microsoft/enterprise

authorization:
  # Of your own tenant: with organizations or common anybody's could sign in.
  issuers: [https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0] # <- the id of your tenant
  # Entra ID does PKCE and its metadata is silent about it; see docs/services.md for the risk.
  pkce: unadvertised
  # Uncertain: Entra ID refuses a resource that does not fit the scopes (AADSTS9010010), so none is sent.
  resource_parameter: false
  # Where its metadata goes by another name than its address, the refusal says which line (resource) lets it pass.
  # Enable the server in the tenant once, then register a public client that may redirect to http://localhost.
  registration: pre-registered
  client_id: 00000000-0000-0000-0000-000000000000 # <- the application id of your client
  scopes:
    default: [api://e8c77dc2-69b3-43f4-bc51-3213c9d915b4/.default, offline_access]
  redirect: { host: localhost }
  # People who may not consent are turned away by a prompt for it (AADSTS90095).
  authorize_parameters: { prompt: select_account }

# Uncertain: the names. No tool is known that says whose account it is.
tools:
  read:
    - microsoft_graph_suggest_queries
    - microsoft_graph_get
    - microsoft_graph_list_properties
`,
  notion: `# yaml-language-server: $schema=../schema/service.schema.json
# Notion. Facts from public material of 2026; "uncertain" marks what nobody outside Notion has confirmed.
# Source: makenotion/notion-cookbook docs/mcp-client-integration.md, 2026; damianvtran/local-operator, 2026-08
title: Notion
mcp_server_url: https://mcp.notion.com/mcp

authorization:
  issuers: [https://mcp.notion.com]
  registration: dynamic
  # No scopes are asked for: Notion has none that is narrower than the rights of whoever signs in. Read-only use is
  # enforced by the agent (write: off). Refresh tokens rotate, and using a spent one ends the whole connection.
# Uncertain: where exactly the answer names the account. Once name leads to the verified address, match: email refuses
# every account but the person's own.
account:
  tool: notion-fetch
  arguments: { id: self }
  name: user.name
  workspace: workspace.name
  match: none

# A tool that is not listed is off. Names drift: compare with the live list before adding one.
tools:
  read:
    - notion-search
    - notion-ai-search
    - notion-fetch
    - notion-query-data-sources
    - notion-query-database-view
    - notion-query-meeting-notes
    - notion-get-comments
    - notion-get-teams
    - notion-get-users
    - notion-get-self
    - notion-get-tool-access
    - notion-search-skills
    - notion-download-skill
    - notion-download-attachment
    - notion-get-async-task
    - notion-list-private-pages
    - notion-list-shared-pages
    - notion-list-favorite-pages
    - notion-list-recent-pages
    - notion-search-agents
    - notion-search-sessions
    - notion-query-sessions
    - notion-get-session-status
    - notion-wait-session
    - notion-list-session-events
    - notion-read-session-event
  write:
    - notion-create-pages
    - notion-create-database
    - notion-create-comment
    - notion-create-view
    - notion-update-view
    - notion-create-folder
    - notion-update-folder
    - notion-create-attachment
    - notion-create-file-upload
    - notion-convert-page-to-skill
    - notion-duplicate-page
    - notion-update-data-source
  # Both can replace, delete or lose content.
  destructive:
    - notion-update-page
    - notion-move-pages
`,
  salesforce: `# yaml-language-server: $schema=../schema/service.schema.json
# Salesforce. Facts from public material of 2026; "uncertain" marks what nobody outside Salesforce has confirmed.
# Source: speakeasy-api/mcp-setup-docs guides/salesforce, 2026-08; anthropics/claude-code issue 53066
title: Salesforce
# The address is the permission: -reads, -mutations, -deletes and -all are servers of their own, this one only reads.
mcp_server_url: https://api.salesforce.com/platform/mcp/v1/platform/sobject-reads

authorization:
  # Uncertain: an organization with a login address of its own names that instead.
  issuers: [https://login.salesforce.com]
  # Make an External Client App (a Connected App is refused) with PKCE and without a secret; it works after half an hour.
  registration: pre-registered
  client_id: 3MVG0000000000000000 # <- the consumer key of your app
  # Its token answers have no expires_in: the lifetime is that of the session settings.
  scopes:
    default: [mcp_api, refresh_token]
  # Register http://localhost:41876/callback as callback URL of the app.
  redirect: { host: localhost, port: 41876 }

# Uncertain: every name below. No tool is known that says whose account it is.
tools:
  read:
    - soqlQuery
    - find
    - getObjectSchema
    - getUserInfo
    - listRecentSobjectRecords
    - getRelatedRecords
`,
  sentry: `# yaml-language-server: $schema=../schema/service.schema.json
# Sentry. Facts from public material of 2026; "uncertain" marks what nobody outside Sentry has confirmed.
# Source: getsentry/sentry-mcp, 2026
title: Sentry
# https://mcp.sentry.dev/mcp/<organization>/<project> narrows everything to one project.
mcp_server_url: https://mcp.sentry.dev/mcp

authorization:
  issuers: [https://mcp.sentry.dev]
  registration: dynamic
  # A connection ends after 30 days and has to be made again.
  scopes:
    default: [org:read, project:write, team:write, event:write]
    # Uncertain: that it can be asked for alone.
    read_only: [org:read]

# Uncertain: where exactly the answer names the account. Set match: email once name leads to the verified address.
account:
  tool: whoami
  name: name
  match: none

# Sentry annotates its tools. Uncertain: the names that read are given in public by their beginnings only (find_, get_,
# search_), so those listed here are the ones known by name.
tools:
  read:
    - whoami
    - find_organizations
    - find_teams
    - find_projects
    - find_releases
    - find_dsns
    - find_monitors
    - get_issue_details
    - get_issue_activity
    - get_issue_tag_values
    - get_event_attachment
    - get_event_stacktrace
    - get_monitor_details
    - get_release_details
    - get_replay_details
    - get_profile_details
    - search_issues
    - search_issue_events
    - search_events
    - search_docs
    - get_doc
  write:
    - add_issue_note
    - add_team_to_project
    - analyze_issue_with_seer
    - create_dsn
    - create_project
    - create_team
    - create_uptime_monitor
    - onboarding_status_update
  destructive:
    - delete_uptime_monitor
    - remove_team_from_project
    - update_dsn
    - update_issue
    - update_project
    - update_uptime_monitor
`,
  slack: `# yaml-language-server: $schema=../schema/service.schema.json
# Slack. Facts from public material of 2026; "uncertain" marks what nobody outside Slack has confirmed.
# Source: docs.slack.dev/authentication/using-pkce, 2026-03; slackapi/slack-skills-plugin, 2026
title: Slack
mcp_server_url: https://mcp.slack.com/mcp

authorization:
  # Uncertain: older reports name https://slack.com as the issuer.
  issuers: [https://mcp.slack.com]
  # Slack registers no client by itself: make an app with the MCP toggle on, internal or listed in the Marketplace, and
  # PKCE enabled, which makes it a public client without a secret. The switch to PKCE cannot be taken back.
  registration: pre-registered
  client_id: "0000000000000.0000000000000" # <- the client id of your app
  # Asking for none, or for one that the app does not declare, fails the whole sign-in.
  scopes:
    default:
      - search:read.public
      - search:read.files
      - search:read.users
      - channels:read
      - channels:history
      - users:read
      - canvases:read
      - files:read
      - chat:write
      - canvases:write
    read_only:
      - search:read.public
      - search:read.files
      - search:read.users
      - channels:read
      - channels:history
      - users:read
      - canvases:read
      - files:read
  # Register http://localhost:41873/callback as redirect URL of the app.
  redirect: { host: localhost, port: 41873 }
  # Uncertain: seen both flat and nested, with token_type user and scopes with commas; all of it is understood.
  token_response: slack

# Uncertain: that the profile is one's own when no user is named, and where the answer names the account. Set
# match: email once name leads to the address that Slack has verified.
account:
  tool: slack_read_user_profile
  name: user.name
  workspace: team.name
  match: none

# A tool that is not listed is off. Names drift: compare with the live list before adding one.
tools:
  read:
    - slack_search_public
    - slack_search_public_and_private # private channels and messages: needs scopes of its own
    - slack_search_channels
    - slack_search_users
    - slack_read_channel
    - slack_read_thread
    - slack_read_canvas
    - slack_read_file
    - slack_read_user_profile
    - slack_list_channel_members
    - slack_get_reactions
  write:
    - slack_send_message_draft
    - slack_draft_message # uncertain: an older name of the one above
    - slack_add_reaction
    - slack_create_canvas
    - slack_update_canvas
    - slack_create_conversation
    - slack_get_file_upload_url
    - slack_complete_file_upload
    - slack_create_list
    - slack_update_list
    - slack_create_list_record
    - slack_update_list_record
  # What was sent cannot be unsent.
  destructive:
    - slack_send_message
    - slack_schedule_message
`,
  stripe: `# yaml-language-server: $schema=../schema/service.schema.json
# Stripe. Facts from public material of 2026; "uncertain" marks what nobody outside Stripe has confirmed.
# Source: docs.stripe.com/mcp, read 2026-11-29; developersdigest.tech/mcp-servers/stripe, 2026; probes of 2026
title: Stripe
mcp_server_url: https://mcp.stripe.com

authorization:
  issuers: [https://access.stripe.com/mcp]
  registration: dynamic
  # A restricted key of the account can be entered instead (--token-stdin): it is held to what it was made for.
  static: true

# Uncertain: where the answer names the account.
account:
  tool: get_stripe_account_info
  name: display_name
  match: none

# Reading is any GET of the API, writing anything else: neither name bounds what is done.
tools:
  read:
    - get_stripe_account_info
    - stripe_api_search
    - stripe_api_details
    - stripe_api_read
    - search_stripe_documentation
    - get_balance_summary
    - stripe_analytics
  write: []
  # Moves money.
  destructive:
    - stripe_api_write
    - create_refund
`,
  supabase: `# yaml-language-server: $schema=../schema/service.schema.json
# Supabase. Facts from public material of 2026; "uncertain" marks what nobody outside Supabase has confirmed.
# Source: supabase-community/supabase-mcp README; supabase.com/changelog/39434; probes of 2026-09
title: Supabase
# With ?read_only=true the server itself runs queries as a read-only user; with ?project_ref=<ref> it is held to one project.
mcp_server_url: https://mcp.supabase.com/mcp

authorization:
  # Uncertain: the issuer. It answers token requests with 201, and gives registered clients a secret.
  issuers: [https://api.supabase.com]
  registration: dynamic

# No tool is known that says whose account it is: look at the page where access is allowed.
# Names from the README of the server. execute_sql runs anything, so it is none that reads.
tools:
  read:
    - list_organizations
    - get_organization
    - list_projects
    - get_project
    - get_cost
    - search_docs
    - list_tables
    - list_extensions
    - list_migrations
    - get_logs
    - get_advisors
    - get_project_url
    - generate_typescript_types
    - list_edge_functions
    - get_edge_function
    - list_branches
    - list_storage_buckets
    - get_storage_config
  write:
    - confirm_cost
    - create_project
    - restore_project
    - create_branch
    - deploy_edge_function
  destructive:
    - execute_sql
    - apply_migration
    - pause_project
    - delete_branch
    - merge_branch
    - reset_branch
    - rebase_branch
    - update_storage_config
`,
};
