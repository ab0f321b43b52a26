import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/**
 * Writes a truststore that holds the JVM's own authorities and every certificate of a PEM bundle.
 *
 * <p>Run as a single source file: {@code java TrustBundle.java BUNDLE.pem TRUSTSTORE.p12}. One process imports
 * the whole bundle in about a second; keytool takes one start of a JVM for each certificate.
 *
 * <p>The JVM's own authorities are kept because a site may hand in its private authority alone, while its
 * proxy re-signs only a part of the traffic.
 */
public final class TrustBundle {

    /** Blocks are cut out here because the JDK's parser stops at remarks that stand between certificates. */
    private static final Pattern BLOCK =
            Pattern.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", Pattern.DOTALL);

    private TrustBundle() {}

    public static void main(String[] arguments) throws IOException, GeneralSecurityException {
        if (arguments.length != 2) {
            System.err.println("usage: java TrustBundle.java BUNDLE.pem TRUSTSTORE.p12");
            System.exit(2);
        }
        KeyStore store = emptyStore();
        addAuthoritiesOfThisJvm(store);
        int added = addBundle(store, Files.readString(Path.of(arguments[0]), StandardCharsets.ISO_8859_1));
        if (added == 0) {
            System.err.println("TrustBundle: " + arguments[0] + " is not empty but holds no readable certificate;"
                    + " expected PEM blocks that begin with -----BEGIN CERTIFICATE-----");
            System.exit(1);
        }
        try (OutputStream target = Files.newOutputStream(Path.of(arguments[1]))) {
            store.store(target, null);
        }
    }

    /** A store without encryption: certificates are public, and a password would only have to be passed on. */
    private static KeyStore emptyStore() throws IOException, GeneralSecurityException {
        System.setProperty("keystore.pkcs12.certProtectionAlgorithm", "NONE");
        System.setProperty("keystore.pkcs12.macAlgorithm", "NONE");
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }

    private static void addAuthoritiesOfThisJvm(KeyStore store) throws GeneralSecurityException {
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init((KeyStore) null);
        int number = 0;
        for (TrustManager manager : factory.getTrustManagers()) {
            if (manager instanceof X509TrustManager authorities) {
                for (Certificate certificate : authorities.getAcceptedIssuers()) {
                    store.setCertificateEntry("jvm-" + ++number, certificate);
                }
            }
        }
    }

    /** A certificate that cannot be read is named and left out: the others may well be all that is needed. */
    private static int addBundle(KeyStore store, String pem) throws GeneralSecurityException {
        CertificateFactory certificates = CertificateFactory.getInstance("X.509");
        Matcher block = BLOCK.matcher(pem);
        int added = 0;
        for (int position = 1; block.find(); position++) {
            byte[] encoded = block.group().getBytes(StandardCharsets.ISO_8859_1);
            try {
                Certificate certificate = certificates.generateCertificate(new ByteArrayInputStream(encoded));
                store.setCertificateEntry("bundle-" + position, certificate);
                added++;
            } catch (CertificateException problem) {
                System.err.println("TrustBundle: certificate " + position + " left out: " + problem.getMessage());
            }
        }
        return added;
    }
}
