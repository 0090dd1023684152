use super::layers::Source;
use super::*;
use crate::lang::Lang;

fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hongyan.toml");
    std::fs::write(&path, file).unwrap();
    Config::load(Some(&path), &Environment::of(variables), &Texts::new(Lang::En))
        .map_err(|fault| fault.to_string())
}

fn fault(file: &str, variables: &[(&str, &str)]) -> String {
    load(file, variables).unwrap_err()
}

#[test]
fn the_defaults_are_the_settings_of_the_crates_they_are_for() {
    let config = load("", &[]).unwrap();

    assert_eq!(config.store.url, "sqlite:./hongyan.db");
    assert_eq!(config.http.listen.port(), 8080);
    let http = hongyan_server::Settings::default();
    assert_eq!(
        (config.http.header_timeout, config.http.idle_timeout),
        (http.header_timeout, http.idle_timeout)
    );
    assert_eq!(config.http.max_connections, http.max_connections);
    assert_eq!(config.http.max_connections_per_address, http.max_connections_per_address);
    assert_eq!(config.http.proxies, http.proxies);
    assert_eq!(config.wechat.api_bases, hongyan_wechat::Settings::default().api_bases);
    assert_eq!(config.wechat.timeout, hongyan_wechat::Settings::default().timeout);
    let engine = hongyan_engine::Settings::default();
    assert_eq!(config.engine.max_in_flight, engine.max_in_flight);
    assert_eq!(config.engine.expires_after, engine.expires_after);
    assert_eq!(config.engine.retention.keep, engine.retention.keep);
    assert_eq!(config.engine.retention.await_receipt, engine.retention.await_receipt);
    assert_eq!(config.engine.retention.keep_audit, engine.retention.keep_audit);
    assert_eq!(config.engine.retention.keep_incidents, engine.retention.keep_incidents);
    assert_eq!(config.engine.retention.keep_reports, engine.retention.keep_reports);
    assert_eq!(config.engine.tolerance.bulk, engine.tolerance.bulk);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = "[store]\ncache_mib = 128\nurl = \"sqlite:a.db\"";

    let config = load(file, &[("HONGYAN_STORE__URL", "sqlite:b.db")]).unwrap();

    assert_eq!(
        (config.store.url.as_str(), config.store.cache_mib, config.store.readers),
        ("sqlite:b.db", 128, 2)
    );
    let url = config.effective.iter().find(|setting| setting.key == "store.url").unwrap();
    assert_eq!(url.source, Source::Variable("HONGYAN_STORE__URL".into()));
}

#[test]
fn an_unknown_key_is_an_error_that_names_it_its_place_and_the_nearest() {
    let in_file = fault("[http]\nlisten_addr = \"x\"\n[stroe]\nurl = \"y\"", &[]);
    let in_environment = fault("", &[("HONGYAN_WECHAT__API_BSE", "http://x")]);

    assert!(in_file.contains("`http.listen_addr`") && in_file.contains("hongyan.toml"), "{in_file}");
    assert!(in_file.contains("`http.listen`") && in_file.contains("`store.url`"), "{in_file}");
    assert!(in_environment.contains("HONGYAN_WECHAT__API_BSE"), "{in_environment}");
    assert!(in_environment.contains("`wechat.api_base`"), "{in_environment}");
}

#[test]
fn a_variable_with_one_underscore_is_an_error_and_one_of_an_orchestrator_is_not() {
    let fault = fault("", &[("HONGYAN_HTTP_LISTEN", "0.0.0.0:1")]);
    let others = [
        ("HONGYAN_LANG", "zh"),
        ("HONGYAN_KEY", "hy_x"),
        ("HONGYAN_SERVICE_HOST", "10.0.0.1"),
        ("HONGYAN_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
    ];

    assert!(fault.contains("HONGYAN_HTTP_LISTEN") && fault.contains("HONGYAN_HTTP__LISTEN"), "{fault}");
    assert!(load("", &others).is_ok());
}

#[test]
fn a_wrong_value_is_an_error_that_names_key_value_origin_and_what_is_allowed() {
    let cases = [
        ("[store]\ncache_mib = 1", "store.cache_mib", "from 4 to 65536"),
        ("[store]\nreaders = \"many\"", "store.readers", "from 1 to 64"),
        ("[http]\nlisten = \"8080\"", "http.listen", "ADDRESS:PORT"),
        ("[http]\nproxies = [\"nginx\"]", "http.proxies", "10.1.0.0/16"),
        ("[http]\nheader_timeout = \"0s\"", "http.header_timeout", "from 1s to 10m"),
        ("[engine]\ngrace = 20", "engine.grace", "ms, s, m, h or d"),
        ("[retention]\nkeep = \"1h\"", "retention.keep", "from 1d to 3650d"),
        ("[log]\nlevel = \"loud\"", "log.level", "error, warn, info, debug"),
        ("[wechat]\napi_base = \"ftp://x\"", "wechat.api_base", "http(s)://host"),
        ("[wechat]\napi_base = []", "wechat.api_base", "list"),
        ("[store]\nurl = 5", "store.url", "text"),
        ("[http]\npublic_url = \"x\"", "http.public_url", "http(s)://host"),
        ("[http]\npublic_url = \"ftp://x\"", "http.public_url", "http(s)://host"),
        ("[http]\npublic_url = \"http://a b\"", "http.public_url", "http(s)://host"),
        ("[secrets]\nmaster_key_file = \"\"", "secrets.master_key_file", "a file is needed"),
        ("[retention]\narchive = \"/no/such/dir/x\"", "retention.archive", "a folder that is there"),
    ];
    for (file, key, allowed) in cases {
        let fault = fault(file, &[]);

        assert!(fault.contains(key) && fault.contains(allowed) && fault.contains("hongyan.toml"), "{fault}");
    }
}

/// A try begun at the end of the eight minutes has to reach WeChat inside its ten.
#[test]
fn a_call_that_could_outlast_what_wechat_remembers_is_refused_with_the_keys_that_make_it() {
    let of = |timeout_ms, connect_timeout_ms, entries| {
        let api_base = vec!["http://127.0.0.1:1"; entries];
        format!(
            "[wechat]\napi_base = {api_base:?}\ntimeout_ms = {timeout_ms}\nconnect_timeout_ms = {connect_timeout_ms}"
        )
    };
    for longest in [of(109_801, 100, 1), of(10_000, 25_001, 2), of(30_000, 5_001, 8)] {
        let fault = fault(&longest, &[]);

        assert!(
            fault.contains("`wechat.timeout_ms`") && fault.contains("wechat.connect_timeout_ms"),
            "{fault}"
        );
        assert!(fault.contains("110 s"), "{fault}");
    }
    assert!(load(&of(10_000, 25_000, 2), &[]).is_ok());
}

#[test]
fn all_faults_are_told_at_once() {
    let fault =
        fault("[log]\nlevel = \"loud\"\nformat = \"xml\"\ncolour = 1", &[("HONGYAN_STORE__READERS", "0")]);

    assert_eq!(fault.lines().count(), 4, "{fault}");
}

#[test]
fn a_file_that_is_not_toml_is_told_with_its_place() {
    let fault = fault("[http\nlisten=1", &[]);

    assert!(fault.contains("hongyan.toml") && fault.contains("line 1"), "{fault}");
}

#[test]
fn the_bases_are_one_text_or_a_list() {
    let one = load("", &[("HONGYAN_WECHAT__API_BASE", "http://127.0.0.1:9090")]).unwrap();
    let two = load("[wechat]\napi_base = [\"http://a\", \"http://b\"]", &[]).unwrap();

    assert_eq!(one.wechat.api_bases, ["http://127.0.0.1:9090"]);
    assert_eq!(two.wechat.api_bases, ["http://a", "http://b"]);
}

#[test]
fn a_secret_is_taken_from_one_place_and_never_shown() {
    let key = hongyan_store::MasterKey::generate(&mut crate::local::chance()).to_text();
    let given = ("HONGYAN_SECRETS__MASTER_KEY", key.expose());

    let config = load("", &[given]).unwrap();
    let twice = fault("[secrets]\nmaster_key_file = \"./k\"", &[given]);
    let wrong = fault("", &[("HONGYAN_SECRETS__MASTER_KEY", "hunter2")]);

    assert_eq!(config.secrets.master_key.as_ref().unwrap().expose(), key.expose());
    let shown = serde_json::to_string(&config.effective).unwrap();
    assert!(shown.contains("(set)") && !shown.contains(key.expose()));
    assert!(!format!("{config:?}").contains(key.expose()));
    assert!(twice.contains("not both") && !twice.contains(key.expose()), "{twice}");
    assert!(wrong.contains("hymk1_") && !wrong.contains("hunter2"), "{wrong}");
}

#[test]
fn a_store_that_this_build_has_not_is_refused_and_its_password_not_shown() {
    let refused = load("", &[("HONGYAN_STORE__URL", "postgres://me:hunter2@db/hongyan")]).unwrap_err();

    assert!(refused.contains("postgres://me:(set)@db/hongyan") && !refused.contains("hunter2"), "{refused}");
    assert!(refused.contains("sqlite:PATH"), "{refused}");
    assert!(load("", &[("HONGYAN_STORE__URL", "sqlite:")]).is_err());
    for value in ["\"http://u:p@hunter2@a\"", "\"http://b,http://u:hunter2@a\"", "[\"http://u:hunter2@a\"]"] {
        let fault = fault(&format!("[wechat]\napi_base = {value}"), &[]);
        assert!(fault.contains("wechat.api_base") && !fault.contains("hunter2"), "{fault}");
    }
}

#[test]
fn the_effective_settings_stand_in_the_order_of_the_manual() {
    let config = load("", &[]).unwrap();

    let keys: Vec<_> = config.effective.iter().map(|setting| setting.key.as_str()).collect();

    assert_eq!(keys[..4], ["store.url", "store.cache_mib", "store.readers", "http.listen"]);
    assert_eq!(keys.last(), Some(&"trace.authorization"));
}

#[test]
fn an_identity_provider_needs_what_a_login_by_it_needs_and_its_secret_is_not_shown() {
    let whole = "[http]\npublic_url = \"https://h.example\"\n[oidc]\nissuer = \"https://id.example/realms/a\"\n\
        client_id = \"hongyan\"\nclient_secret = \"s3cret-of-ours\"\nadmins = [\"root\"]\nviewers = \"all, staff\"";

    let config = load(whole, &[]).unwrap();
    let oidc = config.oidc.as_ref().unwrap();

    assert_eq!(oidc.redirect_uri, "https://h.example/api/v1/login/oidc/callback");
    assert_eq!(oidc.roles.len(), 3);
    assert!(!format!("{config:?}").contains("s3cret-of-ours"));
    assert!(load("", &[]).unwrap().oidc.is_none());
    let faults = load("[oidc]\nissuer = \"http://id.example\"", &[]).unwrap_err();
    for key in ["oidc.issuer", "oidc.client_id", "oidc.admins", "http.public_url"] {
        assert!(faults.contains(key), "{key} is missing: {faults}");
    }
}

#[test]
fn a_collector_is_an_address_and_a_share_is_one() {
    let config =
        load("[trace]\nendpoint = \"http://127.0.0.1:4318/v1/traces\"", &[("HONGYAN_TRACE__SAMPLE", "0.5")]);
    assert_eq!(config.unwrap().trace.unwrap().sample, 0.5);

    let faults = load("[trace]\nendpoint = \"collector\"\nsample = 2", &[]).unwrap_err();
    assert!(faults.contains("trace.endpoint") && faults.contains("trace.sample"), "{faults}");
}
